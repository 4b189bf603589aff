"""What happens in the demo, what was promised of it, and what was found: looked up, never taken for granted."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from svyazka.catalogue import _
from svyazka.cli.demo.stage import Stage
from svyazka.engine.journal.kinds import ALL_CURSORS
from svyazka.model.deliveries import Status
from svyazka.model.events import EventStatus, ReceiptState

OWNER = "+79990000001"
NO_SUCH_KEY = "1.kofe-pokrovka.till.1." + "a" * 32


@dataclass(frozen=True, slots=True)
class Shown:
    """One row of the table."""

    happened: str
    promised: str
    found: str
    kept: bool


async def doubled(stage: Stage) -> Shown:
    """The till tells of one order, and the same webhook comes twice."""
    await stage.tell("iiko", "hook_faults", {"copies": 2})
    told = await stage.tell("iiko", "orders", _order(1001))
    await stage.tell("iiko", "hook_faults", {"copies": 1})
    answers = [json.loads(hook["answer"])["events"][0]["status"] for hook in (await stage.ledger("iiko"))["hooks"]]
    texts = await _texts(stage, 1001)
    kept = told["hooks"] == [200, 200] and sorted(answers) == ["accepted", "duplicate"]
    return Shown(
        _("an order was delivered, its webhook came twice"), _("200 to both, one SMS with the guest's name"),
        f"{_listed(told['hooks'])}: {_listed(answers)}; {len(texts)} SMS: {texts[0] if texts else ''}",
        kept and len(texts) == 1 and texts[0].startswith("Иван, спасибо"),
    )  # fmt: skip


async def receipt(stage: Stage) -> Shown:
    """The gateway says later what became of the message."""

    async def told() -> bool:
        return any(one.receipt is ReceiptState.DELIVERED for one in await stage.deliveries())

    kept = await stage.until(told)
    found = [one.receipt.value for one in await stage.deliveries()]
    return Shown(_("sms.ru called back about that SMS"), _("its delivery says `delivered`"), _listed(found), kept)


async def closed(stage: Stage) -> Shown:
    """A second fact about the same order."""
    told = await stage.tell("iiko", "orders", _order(1001, "Closed"))
    await _planned(stage)
    texts = await _texts(stage, 1001)
    found = _("{listed}; {count} SMS in all", listed=_listed(told["hooks"]), count=len(texts))
    return Shown(_("the same order was closed"), _("another event, no second SMS"), found, len(texts) == 1)


async def forged(stage: Stage) -> Shown:
    """Somebody guesses a key."""
    before = len(await stage.events())
    answer = await stage.post("till", {"eventType": "DeliveryOrderUpdate"}, key=NO_SUCH_KEY)
    after = len(await stage.events())
    return Shown(
        _("a webhook came with a forged key"),
        _("401, nothing journaled"),
        _("{status}, {count} events", status=answer.status_code, count=after - before),
        answer.status_code == 401 and after == before,
    )


async def unreadable(stage: Stage) -> Shown:
    """A batch holds something that is no event: the other isn't held up, nothing is thrown away, the owner is told."""
    order = (await stage.tell("iiko", "orders?drop=1", _order(1002)))["orders"][0]
    info = {"id": order["id"], "order": {"status": "Delivered"}}
    answer = await stage.post("till", ["?", {"eventType": "DeliveryOrderUpdate", "eventInfo": info}])
    statuses = [event["status"] for event in answer.json().get("events", [])]
    texts = await _texts(stage, 1002)

    async def told() -> bool:
        return any("не удалось прочитать" in text for text in await stage.texts(OWNER))

    kept = await stage.until(told) and statuses == ["quarantined", "accepted"] and len(texts) == 1
    warned = len(await stage.texts(OWNER))
    return Shown(
        _("a batch held an unreadable item and an order"),
        _("200, the item quarantined and the owner told once, an SMS for the order"),
        _(
            "{status}: {listed}; {count} SMS, the owner was told {warned} time(s)",
            status=answer.status_code,
            listed=_listed(statuses),
            count=len(texts),
            warned=warned,
        ),
        kept and answer.status_code == 200 and warned == 1,
    )


async def failing(stage: Stage) -> Shown:
    """The gateway fails, and asks to be asked again."""
    error = {"status": "ERROR", "status_code": 500, "status_text": "Ошибка на сервере. Повторите запрос"}
    await stage.tell("smsru", "faults", {"kind": "answer", "path": "/sms/send", "status": 200, "body": error})
    await stage.tell("iiko", "orders", _order(1003))
    texts = await _texts(stage, 1003)
    outcomes = [
        [attempt.outcome or "out" for attempt in one.attempts]
        for one in await stage.deliveries()
        if len(one.attempts) > 1
    ]
    return Shown(
        _("sms.ru answered a message with its error 500"),
        _("repeated half a minute later, one SMS"),
        _(
            "attempts: {outcomes}; {count} SMS",
            outcomes=_listed(outcomes[0]) if outcomes else _("one"),
            count=len(texts),
        ),
        outcomes == [["retry", "succeeded"]] and len(texts) == 1,
    )


async def lost(stage: Stage) -> Shown:
    """A webhook never arrives: the vendor is asked."""

    async def asked_before() -> bool:
        return bool((await stage.session.store.find(ALL_CURSORS, limit=1)).documents)

    await stage.until(asked_before)
    told = await stage.tell("iiko", "orders?drop=1", _order(1004))
    texts = await _texts(stage, 1004)
    origins = [one.event.origin for one in await stage.events() if one.event.subject.endswith(told["orders"][0]["id"])]
    return Shown(
        _("a webhook was lost on its way"),
        _("found by polling, one SMS"),
        _(
            "{count} webhooks, event by {origin}; {texts} SMS",
            count=len(told["hooks"]),
            origin=_listed(origins) or _("nobody"),
            texts=len(texts),
        ),
        origins == ["poll"] and len(texts) == 1,
    )


async def agreed(stage: Stage) -> Shown:
    """In the end nothing is open, and the journal and the gateway's ledger say the same."""

    async def settled() -> bool:
        return not any(one.is_open for one in await stage.deliveries())

    kept = await stage.until(settled)
    done = [one for one in await stage.deliveries() if one.status is Status.SUCCEEDED]
    ids = sorted(effect["id"] for effect in (await stage.ledger("smsru"))["effects"])
    return Shown(
        _("all is quiet"),
        _("the journal and sms.ru's ledger agree, message by message"),
        _("{count} succeeded, {taken} in the ledger, nothing open", count=len(done), taken=len(ids))
        if kept
        else _("something stays open"),
        kept and sorted(one.external_id or "" for one in done) == ids,
    )


ACTS: tuple[Callable[[Stage], Awaitable[Shown]], ...] = (
    doubled, receipt, closed, forged, unreadable, failing, lost, agreed,
)  # fmt: skip


def _order(number: int, status: str = "Delivered") -> dict[str, Any]:
    return {"number": number, "status": status, "phone": f"+7999000{number}", "name": "Иван"}


async def _texts(stage: Stage, number: int) -> list[str]:
    """An order's messages, once there is one and all that was heard of has been acted on."""
    phone = f"+7999000{number}"

    async def sent() -> bool:
        return bool(await stage.texts(phone))

    await stage.until(sent)
    await _planned(stage)
    return await stage.texts(phone)


async def _planned(stage: Stage) -> None:
    async def nothing_waits() -> bool:
        events, deliveries = await stage.events(), await stage.deliveries()
        return not any(e.status is EventStatus.ACCEPTED for e in events) and not any(d.is_open for d in deliveries)

    await stage.until(nothing_waits)


def _listed(values: list[Any]) -> str:
    return ", ".join(str(value) for value in values)
