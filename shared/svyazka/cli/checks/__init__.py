"""What `svyazka doctor` looks at: the installation, and each tenant's connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from svyazka.catalogue import told
from svyazka.connectors.registry import load_manifest
from svyazka.engine.contracts.learning import Finding
from svyazka.engine.tenants.directory import Account
from svyazka.model.remedies import whole

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's: what was looked at, whose it is, how it stands, and what to do."""

    check: str
    status: Level
    message: str
    remedy: str | None = None
    tenant: str | None = None
    connection: str | None = None


def of_finding(finding: Finding, account: Account) -> Check:
    """A connector's finding as a line of ours, its remedy a whole command; a status that it made up counts as a
    failure."""
    status: Level = "ok" if finding.status == "ok" else "warn" if finding.status == "warn" else "fail"
    tenant, connection = account.tenant, account.name
    needed = account.manifest.credentials.needed(tenant.connections[connection].settings)
    remedy = finding.remedy and whole(finding.remedy, tenant, connection, needed)
    return Check(finding.check, status, finding.message, remedy, tenant.id, connection)


def how_sure(vendor: str) -> Check:
    """What our knowledge of a vendor rests on: nothing to mend, but to know before people's messages go there."""
    manifest = load_manifest(vendor)
    return Check("quality", "ok", f"{told(manifest.title)}: {'; '.join(manifest.quality.sentences())}")


__all__ = ["Check", "Level", "how_sure", "of_finding"]
