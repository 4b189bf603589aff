"""Reads `tenants/<id>.yaml`: unknown keys and wrong values are errors with their line and a suggestion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from svyazka.catalogue import _, systems
from svyazka.model.errors import ConfigError
from svyazka.model.roles import Role
from svyazka.model.tenants import AlertSettings, Person, Tenant
from svyazka.tenantfile.connections import Connections
from svyazka.tenantfile.flows import Flows
from svyazka.tenantfile.lines import Lines
from svyazka.tenantfile.mistakes import Mistake, Mistakes, TenantFileError
from svyazka.yamlhelp import explain, odd_space

TENANT_KEYS = (
    "id", "name", "timezone", "alerts", "connections", "flows", "retention", "dedupe_window",
    "country", "sensitive", "personal_data", "people",
)  # fmt: skip


class _Reader:
    """One file being read."""

    def __init__(self, content: Mapping[str, Any], mistakes: Mistakes) -> None:
        self.content, self._mistakes = content, mistakes
        self._connections = Connections(content.get("connections"), mistakes)

    def tenant(self) -> Tenant | None:
        for key in self.content:
            if key not in TENANT_KEYS:
                self._mistakes.unknown((key,), TENANT_KEYS)
        flows = Flows(self._connections, self._mistakes).read(self.content.get("flows"))
        plain = {key: value for key, value in self.content.items() if key in TENANT_KEYS}
        for key in ("id", "name", "timezone"):
            if key not in plain:
                self._mistakes.wrong((key,), _("expected this setting, it is missing"))
        built = {
            **plain, "alerts": self._alerts(), "people": tuple(self._people()),
            "connections": self._connections.specs, "flows": flows,
        }  # fmt: skip
        tenant = self._mistakes.check(Tenant, built, ()) if {"id", "name", "timezone"} <= plain.keys() else None
        return tenant if isinstance(tenant, Tenant) and not self._mistakes.all else None

    def _alerts(self) -> AlertSettings:
        given = self.content.get("alerts") or {}
        read = self._mistakes.check(AlertSettings, given, ("alerts",)) if isinstance(given, dict) else None
        if not isinstance(given, dict):
            self._mistakes.wrong(("alerts",), _("expected names and values, such as {name: value}"))
        for index, addressee in enumerate(read.to if isinstance(read, AlertSettings) else ()):
            self._connections.reaches(addressee, ("alerts", "to", index))
        return read if isinstance(read, AlertSettings) else AlertSettings()

    def _people(self) -> Iterator[Person]:
        """Whoever comes into the console: each by a name of his own, and one of them its owner."""
        given = self.content.get("people") or []
        if not isinstance(given, list):
            self._mistakes.wrong(("people",), _("expected a list, such as [a, b]"))
            return
        names: dict[str, int] = {}
        owners = 0
        for index, item in enumerate(given):
            where = ("people", index)
            if not isinstance(item, dict):
                self._mistakes.wrong(where, _("expected names and values, such as {name: value}"))
            person = self._mistakes.check(Person, item, where) if isinstance(item, dict) else None
            if not isinstance(person, Person):
                owners += 1  # nobody can say what this one was to be
                continue
            if person.name in names:
                self._mistakes.wrong(
                    (*where, "name"),
                    _("{name} stands at people.{index} already", name=person.name, index=names[person.name]),
                )
            if person.of is not None and person.of == self.content.get("id"):
                self._mistakes.wrong((*where, "of"), _("expected another tenant: this is this one's own file"))
            if person.addressee is not None:
                self._connections.reaches(person.addressee, where)
            names[person.name] = index
            owners += person.role is Role.OWNER
            yield person
        if given and not owners:
            self._mistakes.wrong(
                ("people",),
                _("expected one with role: owner at least, or nobody could change this list at the console"),
            )


def read_tenant_file(path: Path) -> Tenant:
    """The tenant that a file describes. Raises TenantFileError with every mistake, or ConfigError."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(_("{path}: expected a tenant file; {why}", path=path, why=systems(error))) from None
    except UnicodeDecodeError:
        raise ConfigError(_("{file}: expected UTF-8 text (save the file as UTF-8)", file=path.name)) from None
    return read_tenant_text(text, path.name)


def read_tenant_text(text: str, name: str) -> Tenant:
    """The tenant that a text describes; `name` is what its mistakes call it. Raises TenantFileError."""
    path = Path(name)
    odd = odd_space(text)
    if odd is not None:
        raise TenantFileError(path, [Mistake(odd.line, "", odd.message)])
    try:
        lines = Lines(yaml.compose(text, Loader=yaml.SafeLoader))
        content = yaml.safe_load(text)
    except RecursionError:
        raise TenantFileError(path, [Mistake(None, "", _("not YAML: {why}", why=_("nested without end")))]) from None
    except yaml.YAMLError as error:
        explained = explain(text, error)
        message = _("not YAML: {why}", why=explained.message)
        raise TenantFileError(path, [Mistake(explained.line, "", message)]) from None
    if not isinstance(content, dict):
        raise TenantFileError(path, [Mistake(1, "", _("expected id, name, timezone, connections and flows"))])
    mistakes = Mistakes(lines)
    tenant = _Reader(content, mistakes).tenant()
    if tenant is None or mistakes.all:
        raise TenantFileError(path, mistakes.all)
    return tenant
