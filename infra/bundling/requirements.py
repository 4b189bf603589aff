"""The pinned packages of one function: what its modules import, with all that these need, as the lock has it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import packages_distributions

from bundling.functions import ROOT
from bundling.library import Needs
from svyazka.model.errors import ConfigError

LOCK = ROOT / "requirements.lock"
ALWAYS = ("functions-framework",)
"""The server that the platform starts."""

WITH_STANDARD = {"zoneinfo": "tzdata"}
"""Packages that a module of the standard library reads and no import names."""

SHARED_NAMES: Mapping[str, str] = {
    "google.api_core": "google-api-core",
    "google.auth": "google-auth",
    "google.cloud.firestore": "google-cloud-firestore",
    "google.cloud.firestore_v1": "google-cloud-firestore",
    "google.cloud.secretmanager": "google-cloud-secret-manager",
    "google.cloud.secretmanager_v1": "google-cloud-secret-manager",
    "google.cloud.tasks": "google-cloud-tasks",
    "google.cloud.tasks_v2": "google-cloud-tasks",
    "google.oauth2": "google-auth",
    "google.protobuf": "protobuf",
}
"""Parts of the name `google`, which many packages share."""


@dataclass(slots=True)
class Pin:
    """One line of the lock."""

    line: str
    needed_by: list[str] = field(default_factory=list)


def requirements_text(function: str, found: Needs) -> str:
    """The function's requirements.txt."""
    pins = lock()
    names = closure([*ALWAYS, *distributions(found)], pins)
    lines = [pins[name].line for name in sorted(names)]
    return "\n".join([f"# What {function} needs, out of requirements.lock: `python infra/generate.py`", *lines, ""])


def distributions(found: Needs) -> list[str]:
    """The packages that the modules come from. Raises ConfigError for one that isn't installed."""
    named = {package for name, package in WITH_STANDARD.items() if name in found.standard}
    for module in found.packages:
        named.add(_distribution(module))
    return sorted(named)


def _distribution(module: str) -> str:
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        known = SHARED_NAMES.get(".".join(parts[:length]))
        if known:
            return known
    owners = _owners().get(parts[0], [])
    if len(owners) != 1:
        raise ConfigError(f"import {module}: expected one package of that name, found {owners or 'none'} installed")
    return normalized(owners[0])


@cache
def _owners() -> Mapping[str, list[str]]:
    return {name: sorted(set(found)) for name, found in packages_distributions().items()}


def normalized(name: str) -> str:
    """A package's name as the lock writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(names: Iterable[str], pins: Mapping[str, Pin]) -> set[str]:
    """The packages with everything that they need, by the lock's own `via` notes."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        if name not in pins:
            raise ConfigError(f"{name} isn't in {LOCK.name}: `make lock` after naming it in pyproject.toml")
        found.add(name)
        waiting += [other for other, pin in pins.items() if name in pin.needed_by]
    return found


@cache
def lock() -> Mapping[str, Pin]:
    """The lock: package -> its pinned line and the packages that asked for it."""
    pins: dict[str, Pin] = {}
    current: Pin | None = None
    for line in LOCK.read_text().splitlines():
        if line and not line[0].isspace() and line[0] != "#":
            current = pins[normalized(line.partition("==")[0])] = Pin(line.strip())
        elif current is not None and line.strip().startswith("#"):
            asked = line.strip().lstrip("# ").removeprefix("via").strip()
            if asked and not asked.endswith("(pyproject.toml)"):
                current.needed_by.append(normalized(asked))
    return pins
