"""A code for somebody who wants into the console, sent by the connection that their business's file names for them.

The console writes down what was typed, sealed, and whoever is known by it the worker looks up here: the console can't
tell, and so can't be made to tell. The code is made here and goes out as a delivery like any other, through another
connection where the first is in trouble. No document has it in plain: the asking keeps a keyed hash, the delivery a
copy that only the worker opens, as it sends it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from svyazka.catalogue import N_
from svyazka.engine.delivering.admission import SIGN_IN_FLOW
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import ALL_TENANTS
from svyazka.engine.journal.tasks import perform_task
from svyazka.engine.ports.store import Task, Write
from svyazka.engine.rules.access import context_of, print_of, proof_of
from svyazka.engine.rules.beginning import Obligation, begun
from svyazka.engine.security.sealing import opened_for_vault
from svyazka.engine.support.logs import log
from svyazka.engine.telling.addressees import person as contact_of
from svyazka.engine.telling.addressees import steps
from svyazka.model.commands import HIDDEN, Guards, SendMessage
from svyazka.model.contacts import normalize_email, normalize_phone
from svyazka.model.deliveries import AuditLine, Delivery
from svyazka.model.errors import ConfigError, Conflict
from svyazka.model.ids import stable_id
from svyazka.model.sign_ins import PLACES, CodeOf, CodesOfPerson, SignInAsked
from svyazka.model.tenants import Person, Tenant

TEXT = N_("Код для входа в консоль: {code}. Никому его не говорите. Годится {minutes} минут.")
SUBJECT = N_("Код для входа в консоль")

NEXT_WAY_AFTER = timedelta(seconds=60)
"""Without success for so long, the next connection that reaches the person tries."""

AT_MOST = ((1, timedelta(minutes=1)), (3, timedelta(hours=1)), (5, timedelta(days=1)))
"""Codes to one address: each costs the business money, and each is worth some guesses to whoever isn't its reader."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """What is to be committed for one person."""

    code: CodeOf
    writes: Sequence[Write]
    tasks: Sequence[Task]


class SignIns:
    """Sends codes."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def send_codes(self, id_: str) -> None:
        """Look whom what was typed means, and send each of them a code of their own. All of it is one commit: a worker
        that dies sends either nothing or what is written down. Raises Unavailable."""
        held = await journal.load(self._hub.store, SignInAsked, id_)
        if held is None or held.model.sealed is None or held.model.expire_at <= self._hub.clock.real():
            return
        asked = held.model
        try:
            typed = opened_for_vault(self._hub.keyring, held.model.sealed, context_of(asked.id))
        except ConfigError:
            typed = ""  # of a key that is gone: as good as nobody's
        known = known_by(typed, await all_tenants(self._hub))[:PLACES]
        sent = [one for tenant, person in known if (one := await self._sent(asked, tenant, person)) is not None]
        codes = [one.code for one in sent] + [_nobodys() for _ in range(PLACES - len(sent))]
        looked = asked.model_copy(update={"sealed": None, "codes": tuple(codes)})
        writes = [write for one in sent for write in one.writes]
        with suppress(Conflict):  # another worker has done it, or somebody was sent a code in this very moment
            tasks = [task for one in sent for task in one.tasks]
            await self._hub.store.commit([journal.replace(looked, held.version), *writes], tasks)
        log("INFO", "a sign-in was asked for", count=len(sent))

    async def _sent(self, asked: SignInAsked, tenant: Tenant, person: Person) -> _Sent | None:
        """None where they have had codes enough, or nothing reaches them."""
        proof, now = proof_of(self._hub.keyring, tenant.id, person), self._hub.clock.real()
        counted = await self._counted(proof, now)
        if counted is None:
            return None
        code = f"{secrets.randbelow(10**6):06d}"
        made = await self._delivery(asked, tenant, person, code)
        if made is None:
            return None
        line = AuditLine(
            id=stable_id("aud", asked.id, tenant.id, person.name), at=self._hub.clock.now(), who=person.name,
            action="sign_in code", target=tenant.id, tenant=tenant.id, detail={"delivery": made.id},
        )  # fmt: skip
        print_ = print_of(self._hub.keyring, asked.id, tenant.id, person.name, code)
        return _Sent(
            CodeOf(tenant=tenant.id, name=person.name, proof=proof, print=print_),
            [counted, journal.create(made), journal.create(line)], [perform_task(made)],
        )  # fmt: skip

    async def _delivery(self, asked: SignInAsked, tenant: Tenant, person: Person, code: str) -> Delivery | None:
        """The message with the code, which only its reader is told."""
        addressee = person.addressee
        to = contact_of(self._hub, tenant, addressee) if addressee is not None else None
        if addressee is None or to is None:
            return None
        subject = f"sign_in:{stable_id('code', asked.id, tenant.id, person.name)}"
        minutes = int((asked.expire_at - asked.asked_at).total_seconds() // 60)
        command = SendMessage(
            to=to, text=TEXT.format(code=HIDDEN, minutes=minutes), subject=SUBJECT, code=True,
            sealed=self._hub.keyring.seal("vault", code, subject),
        )  # fmt: skip
        now = self._hub.clock.now()
        obligation = Obligation(
            tenant=tenant.id, flow=SIGN_IN_FLOW, subject=subject, event=asked.id, base_at=now,
            guards=Guards(expires_at=now + (asked.expire_at - asked.asked_at)),
            fallback_seconds=NEXT_WAY_AFTER.total_seconds(), blank_at=now + timedelta(days=1),
        )  # fmt: skip
        ways = await steps(self._hub, tenant, addressee, command, "code", None)
        return begun(obligation, ways, now) if ways else None

    async def _counted(self, proof: str, now: datetime) -> Write | None:
        """One more code to this address; None where it has had enough."""
        held = await journal.load(self._hub.store, CodesOfPerson, proof)
        sent = held.model.sent if held is not None else ()
        if any(sum(now - at < span for at in sent) >= most for most, span in AT_MOST):
            return None
        day = AT_MOST[-1][1]
        counted = CodesOfPerson(
            id=proof, sent=(*(at for at in sent if now - at < day), now), expire_at=now + day,
        )  # fmt: skip
        return journal.create(counted) if held is None else journal.replace(counted, held.version)


def known_by(typed: str, tenants: Sequence[Tenant]) -> list[tuple[Tenant, Person]]:
    """Who comes in by an address in a tenant's file, and is meant by what was typed: that address in any spelling, or
    the person's login."""
    word = typed.strip()
    phone, email = normalize_phone(word), normalize_email(word)

    def is_meant(one: Person) -> bool:
        return one.addressee is not None and (
            (one.phone is not None and phone is not None and normalize_phone(one.phone) == phone)
            or (one.email is not None and email is not None and normalize_email(one.email) == email)
            or (one.chat is not None and one.chat == word)
            or (one.login is not None and one.login == word.casefold())
        )

    return [(tenant, one) for tenant in tenants for one in tenant.people if word and is_meant(one)]


def _nobodys() -> CodeOf:
    return CodeOf(print=secrets.token_hex(20))


async def all_tenants(hub: Hub) -> list[Tenant]:
    """As they are now."""
    found: list[Tenant] = []
    cursor: str | None = None
    while True:
        page = await hub.store.find(ALL_TENANTS, limit=200, cursor=cursor)
        found += [one.model for one in journal.known(Tenant, page.documents)]
        cursor = page.cursor
        if cursor is None:
            return found
