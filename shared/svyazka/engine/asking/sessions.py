"""Whose a session is, and who may begin one from a Mini App."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import EVENTS_OF_PERSON
from svyazka.engine.ports.store import Document, Replace
from svyazka.engine.security.init_data import NotGenuine
from svyazka.model.errors import Conflict
from svyazka.model.events import EventRecord
from svyazka.model.sessions import Shown
from svyazka.model.tenants import Tenant

MOST = 200
"""Events of one person that are looked at."""

READS = timedelta(hours=24)
"""How old init data may be to read by: a cached page keeps what was signed for up to a day."""


class NotYours(Exception):
    """Nothing is shown. `code`: no_session, second_factor, household, not_proved, not_bound, not_genuine."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Session:
    """A session that lasts."""

    person: str
    """Keyed hash of whoever it is of."""
    shown: Shown
    document: Document

    async def has_shown(self, hub: Hub, shown: Shown) -> None:
        """Note the second factor, unless the session has ended meanwhile. Raises NotYours."""
        data = shown.model_dump_json().encode()
        document = Document(self.document.kind, self.document.id, self.document.fields, data, self.document.version)
        try:
            await hub.store.commit([Replace(document)])
        except Conflict:
            raise NotYours("no_session") from None


async def session_of(hub: Hub, tenant: Tenant, token: str) -> Session:
    """The session with that word. Raises NotYours."""
    document = await hub.store.get("sessions", hub.keyring.mark("session", token))
    ends = document.fields.get("expire_at") if document is not None else None
    if document is None or document.fields.get("tenant") != tenant.id or ends is None or ends <= hub.clock.now():  # type: ignore[operator]
        raise NotYours("no_session")
    return Session(str(document.fields["person"]), Shown.model_validate_json(document.data), document)


async def person_in_app(hub: Hub, tenant: Tenant, bot: str, init_data: str) -> str:
    """Keyed hash of whoever has opened the bot's Mini App, by the phone that they had shared with it: their own, or it
    binds nothing. Raises NotYours."""
    account = await hub.directory.account(tenant.id, bot) if bot else None
    if account is None or account.manifest.identity is None:
        raise NotYours("not_bound")
    try:
        user = account.manifest.identity.user(init_data, account.settings, hub.clock.real(), READS)
    except NotGenuine:
        raise NotYours("not_genuine") from None
    for person in hub.keyring.person_ever(tenant.id, f"{account.vendor}:{user}"):
        page = await hub.store.find(EVENTS_OF_PERSON, contains=person, limit=MOST)
        events = [held.model.event for held in journal.known(EventRecord, page.documents)]
        phones = [
            (event.received_at, event.contact.phone) for event in events
            if event.tenant == tenant.id and event.connection == bot and event.contact is not None
            and event.contact.phone and event.contact.chats.get(account.vendor) == user
        ]  # fmt: skip
        if phones:
            return hub.keyring.person(tenant.id, str(max(phones)[1]))
    raise NotYours("not_bound")
