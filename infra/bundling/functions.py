"""The folders of `functions/`: whose they are, and what they load by a name that stands in no import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from svyazka.connectors.registry import CALLS_US, FRONT_DOOR, VENDORS, load_webhook, package_of
from svyazka.engine.contracts.webhook import Webhook
from svyazka.flows.registry import FLOWS
from svyazka.model.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = ROOT / "functions"
WORKER, CONSOLE = "sync_worker", "console"


@dataclass(frozen=True, slots=True)
class Function:
    """One folder, one deployed function."""

    name: str
    vendor: str
    """Empty for the worker and the console."""

    @property
    def role(self) -> str:
        return "webhook" if self.vendor else "console" if self.name == CONSOLE else "worker"

    @property
    def asks(self) -> bool:
        """Whether somebody waits in front of it for what only the worker can say."""
        return self.vendor == FRONT_DOOR

    @property
    def signs(self) -> bool:
        """Whether the vendor proves its requests by a secret, which the function must then unseal."""
        webhook = load_webhook(self.vendor) if self.vendor else None
        return bool(webhook and webhook.secret_settings)

    @property
    def seals(self) -> bool:
        """Whether it seals or unseals anything: such a secret, or an for_the_worker on its way to the worker."""
        webhook = load_webhook(self.vendor) if self.vendor else None
        return webhook is None or self.signs or type(webhook).for_the_worker is not Webhook.for_the_worker

    @property
    def folder(self) -> Path:
        return FUNCTIONS / self.name

    @property
    def loads(self) -> tuple[str, ...]:
        """Modules that are imported by name on use: registries hold them as text."""
        if self.vendor:
            return (f"{package_of(self.vendor)}.webhook",)
        ways_in = [f"{package_of(vendor)}.webhook" for vendor in CALLS_US]
        manifests = [f"{package_of(vendor)}.manifest" for vendor in VENDORS]
        return tuple(sorted([*ways_in, *manifests, *FLOWS.values()]))

    @property
    def shows(self) -> tuple[str, ...]:
        """Files beside the code: what the console's pages are made of, and what they say in Russian."""
        if self.role != "console":
            return ()
        return ("svyazka/console/templates/*.html", "svyazka/console/static/*", "svyazka/locale/*/LC_MESSAGES/*.mo")

    @property
    def leaves(self) -> frozenset[str]:
        """Packages that an import names and this function never uses: sealing stands beside the keys' signing."""
        return frozenset() if self.seals else frozenset({"cryptography"})


def functions() -> list[Function]:
    """Every folder that holds a main.py.

    Raises ConfigError, saying what to do, when folders and registry disagree.
    """
    vendor_of = {function: vendor for vendor, function in CALLS_US.items()}
    folders = {path.parent.name for path in FUNCTIONS.glob("*/main.py")}
    known = {*vendor_of, WORKER, CONSOLE}
    unknown, missing = folders - known, known - folders
    if unknown or missing:
        raise ConfigError(
            f"functions/ and the vendors' folders disagree: no vendor has a webhook.py for "
            f"{sorted(unknown) or 'nothing'}, functions/ lacks a main.py in {sorted(missing) or 'nothing'}: "
            "`python infra/generate.py` makes it"
        )
    return [Function(name, vendor_of.get(name, "")) for name in sorted(folders)]
