"""A second factor: somebody who has a person's phone shows when that person was born.

Which of a phone's people it is the cards of the business's own systems say. Whoever can't show it learns nothing: no
card, no birth date on it, another's birth date and a wrong one are all the same, and how long the looking takes the
front door evens out.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from svyazka.catalogue import N_
from svyazka.engine.asking.own import all_of, name_mark, names_in, one_person, wanted_for
from svyazka.engine.asking.sessions import NotYours, Session
from svyazka.engine.calling.call_factory import call_to
from svyazka.engine.calling.exchanges import exchanges
from svyazka.engine.hub import Hub
from svyazka.engine.outages.learning import Outages
from svyazka.engine.outbound.pacing import CalledFor
from svyazka.engine.support.logs import log, where
from svyazka.engine.tenants.directory import Account
from svyazka.model.commands import Deadline
from svyazka.model.contacts import normalize_phone
from svyazka.model.errors import LeaseTooShort, MaybeSent, NotAnswered, NotSent, SourceUnavailable, Unavailable
from svyazka.model.events import Event
from svyazka.model.records import Key, KeyType, Object, RecordKind
from svyazka.model.sessions import Factor, Shown
from svyazka.model.tenants import Tenant

BIRTHDAY, NAME = "birthday", "name"
"""Canonical fields of a person's card."""

WITHIN = 2.5
"""Seconds that all cards are looked for in: whoever waits is told so at three."""

_RUSSIAN = re.compile(r"(\d{2})\.(\d{2})\.(\d{4})")


@dataclass(frozen=True, slots=True)
class Born:
    """What somebody says: a year, or a whole date."""

    year: int
    whole: date | None = None

    @classmethod
    def read(cls, text: str) -> Born:
        """`1985` or `1985-03-14`. Raises ValueError for anything else."""
        if re.fullmatch(r"\d{4}", text, re.ASCII):
            return cls(int(text))
        found = date.fromisoformat(text)
        return cls(found.year, found)

    @property
    def factor(self) -> Factor:
        return Factor.BIRTH_DATE if self.whole is not None else Factor.BIRTH_YEAR

    def fits(self, card: Object) -> bool:
        """Whether that is when the card's person was born, as far as was said."""
        on = _birthday(card)
        return on is not None and (on == self.whole if self.whole is not None else on.year == self.year)


class Proving:
    """Looks at cards."""

    def __init__(self, hub: Hub, outages: Outages) -> None:
        self._hub, self._outages = hub, outages

    async def prove(self, tenant: Tenant, session: Session, born: Born) -> None:
        """Note in the session that it has shown this. Raises NotYours where it hasn't, NotAnswered where nobody can
        say."""
        events = await all_of(self._hub, tenant, session.person)
        cards = await self._cards(tenant, _phone_of(self._hub, events, session.person))
        if not born.factor.serves_for(wanted_for(self._hub, tenant, events)):
            raise NotYours("not_proved")  # a year that is right would leave a few hundred dates to be tried
        names = self._names(events, [card for card in cards if born.fits(card)])
        marks = tuple(name_mark(self._hub, tenant.id, name) for name in names)
        await session.has_shown(self._hub, Shown(factor=born.factor, names=marks))

    def _names(self, events: Sequence[Event], fit: Sequence[Object]) -> list[str]:
        """Under which names the journal speaks of the one person whom these cards are of. Raises NotYours."""
        called = [name for card in fit if (name := _name(card))]
        spoken = names_in(events)
        if not fit or not one_person(called):
            raise NotYours("not_proved")
        if called:
            everybody = dict.fromkeys(event.contact.name or "" for event in events if event.contact is not None)
            return [name for name in everybody if name and one_person([*called, name])]
        if not one_person(spoken):
            raise NotYours("not_proved")  # several share the phone, and the card doesn't say whose it is
        return spoken

    async def _cards(self, tenant: Tenant, phone: str | None) -> list[Object]:
        """Everybody's cards that bear a phone, in all of the tenant's systems. Raises NotAnswered where one of them
        can't be asked, whether or not it would have known."""
        accounts = [await self._hub.directory.account(tenant.id, name) for name in tenant.connections]
        asked = [one for one in accounts if one is not None and one.records is not None and not one.missing]
        try:
            async with asyncio.timeout(WITHIN):
                found = await asyncio.gather(*(self._found(one, phone) for one in asked))
        except TimeoutError as error:
            raise NotAnswered("slow", N_("it didn't answer in time"), 5.0) from error
        return [card for cards in found for card in cards]

    async def _found(self, account: Account, phone: str | None) -> Sequence[Object]:
        records = account.records
        if records is None or RecordKind.CONTACT not in records.kinds or phone is None:
            return ()
        if await self._outages.of(account.tenant.id, account.name) is not None:
            raise NotAnswered("down", N_("{name} is in trouble").format(name=account.name), 30.0)
        http = exchanges(self._hub, account, CalledFor.PERSON, deadline=Deadline.QUICK)
        call = call_to(self._hub, account, http, key="ask.birthday")
        call.only_read = True
        try:
            return await records.find(RecordKind.CONTACT, Key(KeyType.PHONE, phone), call) or ()
        except (NotSent, MaybeSent, LeaseTooShort, SourceUnavailable) as error:
            log("WARNING", "a card was not read", tenant=account.tenant.id, connection=account.name,
                error=type(error).__name__)  # fmt: skip
            raise NotAnswered("down", N_("it can't be asked just now"), 10.0) from error
        except Unavailable:
            raise
        except Exception as error:
            log("ERROR", "connector failed", vendor=account.vendor, error=type(error).__name__, where=where(error))
            raise NotAnswered("down", N_("our connector failed"), 30.0) from error


def _phone_of(hub: Hub, events: Sequence[Event], person: str) -> str | None:
    """The phone that a keyed hash is of, out of what the journal holds: a session doesn't."""
    for event in events:
        phone = event.contact.phone if event.contact is not None else None
        if phone and person in hub.keyring.person_ever(event.tenant, phone):
            return normalize_phone(phone)
    return None


def _birthday(card: Object) -> date | None:
    shown = card.shows(BIRTHDAY)
    text = shown if isinstance(shown, str) else ""
    russian = _RUSSIAN.match(text)
    try:
        return date.fromisoformat("-".join(reversed(russian.groups())) if russian else text[:10])
    except ValueError:
        return None


def _name(card: Object) -> str | None:
    shown = card.shows(NAME)
    return shown if isinstance(shown, str) and shown.strip() else None
