"""What each source sends when something is done, what the brief sends, and what the vendor asked again says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from matrix.hub import Connection
from vendors import VENDORS
from vendors.parts.done import Done, Person, body

OWN: tuple[Done, ...] = tuple(done for vendor in VENDORS.values() for done in vendor.done)
"""The vendors' own webhooks; `+api`: the connection has credentials, and the stand-in holds the object."""

BY_NAME: Mapping[str, Done] = {done.name: done for done in OWN}
ASKED: tuple[Done, ...] = tuple(done for done in OWN if done.secrets)

BRIEF: Mapping[str, Mapping[str, Any]] = {done.vendor: done.brief for done in OWN if done.brief is not None}
"""The bodies of the brief's commands; `test_brief_curls.py` sends the commands themselves."""


def _brief(done: Done) -> Done:
    """The brief's body. Without an id it can't be read again, with access or without; what has one, and access, is
    read like any other, and its contact has a name there."""
    assert done.brief is not None
    name, told = f"{done.name}, brief", body(done.brief)
    if done.brief_put is not None:
        return replace(done, name=name, done=told, put=done.brief_put)
    return replace(done, name=name, done=told, person=Person())


BRIEFS: tuple[Done, ...] = tuple(_brief(done) for done in OWN if done.brief is not None)

PAYLOADS: tuple[Done, ...] = tuple(
    replace(done, name=f"{done.name}, {name}", done=told, person=person)
    for done in OWN
    for name, (told, person) in done.shown.items()
)
"""The payloads that the brief shows beside its commands."""

CORRECTED: tuple[Done, ...] = tuple(replace(done, put=done.unsaid) for done in OWN if done.unsaid is not None)
"""Their webhooks say done, and the vendor asked again says otherwise."""

NOT_DONE = tuple(
    (source, f"{source.name}, {name}", told)
    for plain in OWN
    for source in (plain, *(asked for asked in CORRECTED if asked.name == f"{plain.name}+api"))
    for name, told in plain.not_done.items()
)
"""What isn't done: the connection, a name, the webhook."""


def connection(source: Done) -> Connection:
    """The source's connection."""
    return Connection(source.vendor, source.settings, source.secrets)
