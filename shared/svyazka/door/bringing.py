"""What callers bring: checked, told from robots and floods, written down, and a booking carried out while they wait."""

from __future__ import annotations

import time
from typing import Any

from svyazka.connectors.site.schema import BODIES, Body, Booking, Envelope, Lead, Payment, Refund
from svyazka.connectors.site.settings import SiteSettings
from svyazka.door.accepting import Entry, enter, name_of, print_of
from svyazka.door.answers import content, for_a_browser, for_people, is_form, is_own, too_often, wrong
from svyazka.door.asked import AskedOfTheWorker
from svyazka.door.bodies import OF_FORMS, checked, sent, too_quick, trapped
from svyazka.door.callers import Caller
from svyazka.door.calls import Call, Handler
from svyazka.door.counts import Counts
from svyazka.door.limits import Limit, ends_in
from svyazka.door.paying import payment_begun
from svyazka.engine.contracts.webhook import Answer
from svyazka.engine.intake.receive import Receiver, problem
from svyazka.engine.ports.store import Door
from svyazka.engine.ports.usual import usual_key
from svyazka.model.errors import Unavailable
from svyazka.model.events import FLOOD, QUICK

KEY_LENGTH = 255
"""Characters of an Idempotency-Key at most."""
NEEDS_KEY = frozenset({"order", "booking", "payment", "refund"})
"""What must not happen twice, and could by a repeat: their callers name them."""
BY_SERVERS = frozenset({"event", "refund"})
USUAL_FRESH = 600.0
FLOOD_LEAST, FLOOD_TIMES = 60, 20
"""An hour's calls that are never a flood, and how many times the site's usual hour is one."""


class Bringing:
    """Leads, messages, orders, events and bookings."""

    def __init__(self, door: Door, receiver: Receiver, counts: Counts, asked: AskedOfTheWorker) -> None:
        self._door, self._receiver, self._counts, self._asked = door, receiver, counts, asked
        self._keyring, self._clock = receiver.keyring, receiver.clock
        self._usually: dict[str, tuple[float, int]] = {}

    def taking(self, call: str) -> Handler:
        async def append(asked: Call) -> Answer:
            as_form = is_form(asked.request)
            said = sent(asked.request)
            if isinstance(said, Answer):
                return said
            page = {name: said.pop(name, None) for name in OF_FORMS} if as_form else {}
            answer = await self._append(call, asked, said, as_form)
            if not as_form or not for_a_browser(asked.request):
                return answer
            back = page.get("return_url")
            return for_people(answer, back if isinstance(back, str) else None, asked.caller.settings)

        return append

    async def of_a_table(self, asked: Call) -> Answer:
        """A payment whose body was made here, of what the till has just said. No flood holds it back: a check that
        is open there gets one link, however many ask for it."""
        said = sent(asked.request)
        if isinstance(said, Answer):
            return said
        return await self._append("payment", asked, said, as_form=False, by_the_till=True)

    async def _append(
        self, call: str, asked: Call, said: dict[str, Any], as_form: bool, by_the_till: bool = False
    ) -> Answer:
        caller, settings = asked.caller, asked.caller.settings
        if call in BY_SERVERS and not caller.server:
            return problem(403, "The server key is needed", f"POST /ingest/{call} is for the site's back end")
        trap = None if caller.server else trapped(said, settings)
        if settings.honeypot is not None:
            said.pop(settings.honeypot, None)
        key = asked.request.header("idempotency-key") or (said.pop("idempotency_key", None) if as_form else None)
        if key is not None and not (isinstance(key, str) and 0 < len(key) <= KEY_LENGTH):
            return problem(400, "Idempotency-Key", f"expected 1 to {KEY_LENGTH} characters")
        if key is None and call in NEEDS_KEY:
            return problem(
                400, "No Idempotency-Key",
                "expected an Idempotency-Key header: made once for each thing wanted, the same with each repeat",
            )  # fmt: skip
        body = checked(BODIES[call], said, as_form)
        if isinstance(body, Answer):
            return body
        if isinstance(body, Payment) and body.recurring is not None and not caller.server:
            return problem(403, "The server key is needed", "`recurring` is for the site's back end")
        missing = _missing(body) or _elsewhere(body, caller)
        if missing is not None:
            return missing
        named = name_of(self._keyring, caller, call, body, said, key)
        held = None if caller.server or by_the_till or trap else await self._held(caller, body)
        envelope = Envelope.model_validate({
            "call": call, "by": caller.by, "named": named.mark, "within": named.seconds,
            "print": print_of(self._keyring, caller, said), "held": held, "ignored": trap,
            "held_for": _held_for(held, settings),
            "body": body.model_dump(mode="json", exclude_unset=True),
        })  # fmt: skip
        asked_for = isinstance(body, Booking | Payment | Refund) and trap is None and held is None
        entry = await enter(self._receiver, caller, envelope, self._asked.queue_due() if asked_for else None)
        if named.by_key and entry.mistaken:
            return problem(
                422, "Another body", "this Idempotency-Key came with another body before: make a new key for a new call"
            )
        if isinstance(body, Booking) and asked_for:
            return await self._booked(caller, entry, body)
        if isinstance(body, Payment | Refund) and asked_for:
            return payment_begun(entry, await self._asked.carried_out(entry.id))
        return content(202 if entry.fresh else 200, {"status": "accepted", "id": entry.id})

    async def _held(self, caller: Caller, body: Body) -> str | None:
        """Why it is kept and not acted on unless somebody says so: this hour brings more than it honestly can, or the
        form was filled in too quickly."""
        if await self._flooded(caller):
            return FLOOD
        return QUICK if too_quick(body, caller.settings) else None

    async def _flooded(self, caller: Caller) -> bool:
        try:
            usual = await self._usual(caller)
        except Unavailable:
            usual = 0
        limit = Limit(f"flood.{caller.owner}", max(FLOOD_LEAST, FLOOD_TIMES * usual), 3600)
        return not await self._counts.taken(limit)

    async def _usual(self, caller: Caller) -> int:
        """How many calls an hour of the site usually brings: the worker counts, and writes it down now and then."""
        known = self._usually.get(caller.owner)
        if known is None or known[0] < time.monotonic():
            (document,) = await self._door.get_many([("meta", usual_key(caller.owner))])
            known = (time.monotonic() + USUAL_FRESH, int(document.data) if document is not None else 0)
            self._usually[caller.owner] = known
        return known[1]

    async def _booked(self, caller: Caller, entry: Entry, body: Booking) -> Answer:
        standing = await self._asked.carried_out(entry.id)
        word = standing.word if standing is not None else "accepted"
        told: dict[str, Any] = {"status": word, "id": entry.id}
        if word == "booked":
            starts_at = standing.booking.starts_at if standing is not None and standing.booking is not None else None
            return content(200, {**told, "starts_at": starts_at or body.starts_at})
        if word == "taken":
            question = {"kind": "nearest", "service": body.service, "staff": body.staff, "after": body.starts_at}
            reply = await self._asked.answer(caller, {**question, "count": 3})
            slots = reply.content.get("value", []) if reply is not None and reply.status == 200 else []
            return content(409, {**told, "slots": slots})
        if word == "failed":
            code = standing.booking.code if standing is not None and standing.booking is not None else None
            return content(409, {**told, "code": code or "refused"})
        return content(202, told)

    async def test_crm(self, asked: Call) -> Answer:
        """One lead of ours through the whole machine: one an hour and key, whoever prefetches or presses again."""
        caller = asked.caller
        now = self._clock.now()
        limit = Limit(f"test.{caller.owner}", 1, 60)
        if not caller.server and not await self._counts.taken(limit):
            return too_often(ends_in(limit, now))
        said = {"name": "Проверка связи", "email": "test@example.org", "source": "test-crm"}
        envelope = Envelope(
            call="lead", by="server", named=self._keyring.mark("test", caller.owner, caller.by), within=3600.0,
            print="", test=True, body={**said, "text": "Проверка: заявка с сайта доходит до CRM"},
        )  # fmt: skip
        entry = await enter(self._receiver, caller, envelope, self._asked.queue_due())
        standing = await self._asked.carried_out(entry.id)
        deal = standing.deal if standing is not None else None
        if deal is not None and deal.status == "succeeded" and deal.made is not None:
            number = int(deal.made) if deal.made.isdigit() else deal.made
            return content(200, {"status": "success", deal.id_word: number})
        if standing is None or standing.word == "accepted":
            return content(202, {"status": "accepted", "id": entry.id})
        why = deal.code if deal is not None else standing.reason
        return problem(502, "The lead didn't arrive", f"{entry.id}: {why or 'no flow made a deal of it'}")


def _held_for(held: str | None, settings: SiteSettings) -> float | None:
    """Seconds that it is held for, where it then goes on by itself: of a flood nothing does."""
    after = settings.quick_goes_on_after
    return after.total_seconds() if held == QUICK and after is not None else None


def _elsewhere(body: Body, caller: Caller) -> Answer | None:
    """A browser's word sends payers to the site's own pages only."""
    if isinstance(body, Payment) and body.return_url and not caller.server and not is_own(
        body.return_url, caller.settings
    ):  # fmt: skip
        return wrong("return_url", "expected a page of the site's origins")
    return None


def _missing(body: Body) -> Answer | None:
    """A lead that nobody could answer is no lead."""
    if isinstance(body, Lead) and not (body.phone or body.email or body.chat):
        return wrong("phone", "expected a phone, an email or a chat by which the person can be reached")
    if isinstance(body, Payment) and (body.order is None) == (body.subscription is None):
        return wrong("order", "expected the order that is paid for, or the subscription, and not both")
    if isinstance(body, Payment) and body.recurring is not None and body.subscription is not None:
        return wrong("recurring", "expected it with an order: a subscription is there already")
    if isinstance(body, Payment) and body.recurring is not None and not (body.consent and body.consent.text):
        return wrong("consent.text", "expected the words that the payer agreed to: nobody is charged without them")
    if isinstance(body, Booking) and not body.phone:
        return wrong("phone", "expected the phone of whoever comes")
    return None
