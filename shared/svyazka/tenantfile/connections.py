"""A tenant file's connections, and what its other parts may ask of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from svyazka.catalogue import N_, _
from svyazka.connectors.registry import VENDORS, load_manifest
from svyazka.engine.contracts.manifest import Manifest
from svyazka.model.contacts import Contact
from svyazka.model.tenants import Addressee, ConnectionSpec, SecretRef
from svyazka.tenantfile.mistakes import Mistakes, hint

UNABLE: Mapping[tuple[str, ...], str] = {
    ("SendMessage",): N_("{vendor} carries no messages"), ("MakeLink",): N_("{vendor} takes no payments"),
    ("MakeLink", "RegisterReceipt"): N_("{vendor} takes no payments and registers no receipts"),
}  # fmt: skip
NONE_IS_ABLE: Mapping[tuple[str, ...], str] = {("MakeLink",): N_("none of these takes payments")}
"""What it is that connections can't do, by the commands of which they know none."""


class Connections:
    """Those of one file."""

    def __init__(self, given: object, mistakes: Mistakes) -> None:
        self._mistakes = mistakes
        self._written = [str(each) for each in given] if isinstance(given, dict) else []
        """Those with a mistake of their own too."""
        self.specs: Mapping[str, ConnectionSpec] = dict(self._read(given or {}))

    def _read(self, given: object) -> Iterator[tuple[str, ConnectionSpec]]:
        if not isinstance(given, dict):
            self._mistakes.wrong(("connections",), _("expected a name and settings for each connection"))
            return
        for name, settings in given.items():
            where = ("connections", name)
            if not isinstance(settings, dict) or "vendor" not in settings:
                self._mistakes.wrong(where, _("expected settings with `vendor`, such as {vendor: iiko}"))
                continue
            vendor = settings["vendor"]
            if not isinstance(vendor, str) or vendor not in VENDORS:
                meant = hint(str(vendor), VENDORS)
                self._mistakes.wrong(
                    (*where, "vendor"), _("unknown vendor {vendor!r}; {hint}", vendor=vendor, hint=meant)
                )
                continue
            own = {key: value for key, value in settings.items() if key != "vendor"}
            self._settings(vendor, own, where)
            yield str(name), ConnectionSpec(vendor=vendor, settings=own)

    def _settings(self, vendor: str, settings: Mapping[str, Any], where: tuple[str, ...]) -> None:
        manifest = load_manifest(vendor)
        checked: dict[str, Any] = {}
        unseen: set[str] = set()
        for key, value in settings.items():
            if isinstance(value, dict) and "secret" in value:
                if self._mistakes.check(SecretRef, value, (*where, key)) is not None:
                    checked[key] = "•" * 8
                    unseen.add(key)
            elif key in manifest.credentials.secret:
                self._mistakes.wrong(
                    (*where, key), _("expected {secret: NAME}: a credential never stands in this file (got a value)")
                )
            else:
                checked[key] = value
        self._mistakes.check(manifest.settings, checked, where, unseen)

    # What is asked of them

    def manifest(self, name: str) -> Manifest[Any]:
        """What the vendor of one of `specs` can do."""
        return load_manifest(self.specs[name].vendor)

    def reaches(self, addressee: Addressee, where: tuple[object, ...]) -> None:
        """Whoever is to be told of troubles must be somebody whom his connection reaches."""
        if not self.known(addressee.connection, (*where, "connection")):
            return
        if not self.able(addressee.connection, ("SendMessage",), (*where, "connection")):
            return
        manifest = self.manifest(addressee.connection)
        chats = {manifest.reaches: addressee.chat} if addressee.chat and manifest.reaches else {}
        if manifest.address(Contact(phone=addressee.phone, email=addressee.email, chats=chats)) is None:
            kind = next(kind for kind in ("phone", "email", "chat") if getattr(addressee, kind) is not None)
            own = manifest.reaches if manifest.reaches in ("phone", "email") else "chat"
            message = (
                _("{vendor} can't reach this address", vendor=manifest.vendor)
                if kind == own
                else _("{vendor} can't reach this address: it sends to a {own}", vendor=manifest.vendor, own=own)
            )
            self._mistakes.wrong((*where, kind), message)

    def named(self, item: Mapping[str, Any], key: str, where: tuple[object, ...], needed: bool) -> tuple[str, ...]:
        """Those that a flow names by one of its keys."""
        names = item.get(key, [])
        names = [names] if isinstance(names, str) else names
        if not isinstance(names, list) or (needed and not names):
            self._mistakes.wrong((*where, key), _("expected a list of this tenant's connections"))
            return ()
        for index, name in enumerate(names):
            self.known(name, (*where, key, index))
            if name in names[:index]:
                self._mistakes.wrong((*where, key, index), _("{name!r} stands here twice", name=name))
        return tuple(str(name) for name in names)

    def known(self, name: object, where: tuple[object, ...]) -> bool:
        """Whether it can be used. One that stands in the file with a mistake of its own isn't missing besides."""
        if str(name) not in self._written:
            listed = (
                _("connections are {names}", names=", ".join(self._written))
                if self._written
                else _("the file names none at all")
            )
            meant = hint(str(name), self._written, listed)
            self._mistakes.wrong(where, _("no connection {name!r}; {hint}", name=name, hint=meant))
        return str(name) in self.specs

    def able(self, name: str, commands: Sequence[str], where: tuple[object, ...]) -> bool:
        """A connection that can't do what is asked of it would be found out by the first event, months later."""
        able = self._carrying(*commands)
        if name not in able:
            vendor = self.specs[name].vendor
            known = UNABLE.get(tuple(commands))
            what = (
                _(known, vendor=vendor)
                if known is not None
                else _("{vendor} doesn't know {command}", vendor=vendor, command=" / ".join(commands))
            )
            does = _("connections that do: {names}", names=", ".join(able)) if able else _("no connection here does")
            self._mistakes.wrong(where, f"{what}; {does}")
        return name in able

    def one_at_least(self, via: Sequence[str], commands: Sequence[str], where: tuple[object, ...]) -> None:
        """What the flow is for must be somebody's to do."""
        able = self._carrying(*commands)
        if not set(via) & set(able):
            does = _("connections that do: {names}", names=", ".join(able)) if able else _("no connection here does")
            known = NONE_IS_ABLE.get(tuple(commands))
            what = _(known) if known else _("none of these knows {command}", command=" / ".join(commands))
            self._mistakes.wrong(where, f"{what}; {does}")

    def _carrying(self, *commands: str) -> list[str]:
        """Which of them carry out one of these commands."""
        return [name for name in self.specs if any(map(self.manifest(name).carries, commands))]
