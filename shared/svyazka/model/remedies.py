"""Remedies that can be pasted: a connector's table says `svyazka secret set`, a person reads the whole command."""

from __future__ import annotations

import re
from collections.abc import Sequence

from svyazka.model.tenants import Tenant

_SECRET = re.compile(r"svyazka secret set(?! ?[A-Za-z0-9{])")
_AUTH = re.compile(r"svyazka auth(?! [A-Za-z0-9{])")
_DOCTOR = re.compile(r"svyazka doctor(?! [A-Za-z0-9{])")


def whole(remedy: str, tenant: Tenant, connection: str, credentials: Sequence[str] = ()) -> str:
    """A remedy with the names that its commands need. `credentials`: the connector's settings that hold one."""
    for pattern, command in (
        (_SECRET, ", ".join(secret_commands(tenant, connection, credentials))),
        (_AUTH, f"svyazka auth {tenant.id}/{connection}"),
        (_DOCTOR, f"svyazka doctor {tenant.id}"),
    ):
        remedy = pattern.sub(command.replace("\\", r"\\"), remedy)
    return remedy


def secret_commands(tenant: Tenant, connection: str, settings: Sequence[str]) -> list[str]:
    """The command that sets each of these settings' secrets, under the names that the tenant file gives them.

    A setting may come as `Account.missing` has it: `api_id (secret smsru-api-id)`.
    """
    settings = [setting.partition(" ")[0] for setting in settings]
    spec = tenant.connections.get(connection)
    named = {
        setting: str(value["secret"])
        for setting, value in (spec.settings.items() if spec else ())
        if isinstance(value, dict) and set(value) == {"secret"}
    }
    wanted = {setting: named.get(setting, proposed(connection, setting)) for setting in settings} or named
    names = dict.fromkeys(wanted.values()) or {proposed(connection, "key"): None}
    return [f"svyazka secret set {tenant.id} {name}" for name in names]


def proposed(connection: str, setting: str) -> str:
    """How `init` names a secret: `sms-api-id`."""
    return f"{connection}-{setting.replace('_', '-')}"
