"""The kit against forgers: whatever is sent in a provider's name, no payment becomes paid that its provider doesn't
show as paid; and nowhere is a card's number kept.

SVYAZKA_FUZZ=25000 makes as many notifications in the name of each.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from card_numbers import card_numbers, cards_in, no_cards
from kits.paying_shop import Shop, shop
from kits.test_payments_kit import NAMES, payments_of
from simulators.till import State
from svyazka.engine.contracts.capabilities.payments import Can
from svyazka.model.payments import Payment, PaymentState
from vendors.parts.base import Webhook

__all__ = ["shop"]

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROUNDS = int(os.environ.get("SVYAZKA_FUZZ", "60"))
SEVERAL = 25
"""Notifications between two looks at the queue."""
LINKS = sorted(name for name in NAMES if Can.LINK in payments_of(name).can)
EVERY = pytest.mark.parametrize("name", LINKS)

WORDS: tuple[Any, ...] = (
    "succeeded", "payment.succeeded", "CONFIRMED", "AUTHORIZED", "Completed", "Authorized", "refund.succeeded", "paid",
    True, "true", "1", 0, 1, -1, 100, 100000, "1000.00", "1.00", "0.01", 1e9, "1e3", None, "", [], {}, "\x00", "жук",
)  # fmt: skip

CARD = "4300 0000 0000 0777"
"""A number that bears its check digit."""


async def _two(it: Shop) -> tuple[Payment, Payment]:
    """An expensive order that nobody has paid, and a cheap one that was."""
    await it.ask("1", "1000.00")
    await it.ask("2", "1.00")
    await it.hub.work()
    dear, cheap = await it.payments()
    it.till.pay(it.till.of(cheap.attempts[0].number))
    await it.notify(cheap.attempts[0].number)
    await it.hub.work()
    return dear, cheap


class Forger:
    """Changes what was sent: by chance, and by what it knows of other payments."""

    def __init__(self, chance: random.Random, known: list[Any]) -> None:
        self.chance, self.known = chance, known

    def forged(self, told: list[Webhook]) -> Webhook:
        one, other = self.chance.choice(told), self.chance.choice(told)
        match self.chance.randrange(6):
            case 0:
                return replace(one, headers=other.headers)
            case 1:
                return replace(one, path=self.chance.choice(["", "/pay", "/check", "/confirm", "/refund", other.path]))
            case 2:
                return replace(one, headers={**one.headers, **dict.fromkeys(_proofs(one.headers), self._word())})
        return replace(one, body=self._changed(one, other))

    def _word(self) -> str:
        return str(self.chance.choice([*WORDS, *self.known])).encode("ascii", "replace").decode().replace("\x00", "0")

    def _changed(self, one: Webhook, other: Webhook) -> bytes:
        try:
            content = json.loads(one.body)
        except ValueError:
            return self._form(one, other)
        for _ in range(self.chance.randint(1, 4)):
            places = list(_places(content))
            if not places:
                break
            inside, key = self.chance.choice(places)
            match self.chance.randrange(3):
                case 0:
                    inside[key] = self.chance.choice([*WORDS, *self.known])
                case 1 if isinstance(inside, dict):
                    other_key = self.chance.choice(list(inside))
                    inside[other_key] = inside.pop(key)
                case _:
                    inside[key] = self._moved(inside[key])
        return json.dumps(content, ensure_ascii=False).encode()

    def _form(self, one: Webhook, other: Webhook) -> bytes:
        pairs = parse_qsl(one.body.decode(), keep_blank_values=True)
        for _ in range(self.chance.randint(1, 3)):
            place = self.chance.randrange(len(pairs))
            pairs[place] = (pairs[place][0], self._word())
        return urlencode([*pairs, self.chance.choice(parse_qsl(other.body.decode(), keep_blank_values=True))]).encode()

    def _moved(self, value: Any) -> Any:
        """Digits that stand elsewhere."""
        if isinstance(value, int) and not isinstance(value, bool):
            return value * 10 + self.chance.randrange(10) if self.chance.random() < 0.5 else value // 10
        return value[::-1] if isinstance(value, str) else value


def _proofs(headers: Mapping[str, str]) -> list[str]:
    return [name for name in headers if name.lower() != "content-type"]


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    for key in list(content) if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ():
        yield content, key
        yield from _places(content[key])


@EVERY
async def test_no_forged_notification_makes_a_payment_paid(name: str, shop: Callable[..., Any]) -> None:
    async with shop(name) as it:
        dear, cheap = await _two(it)
        vendors, numbers = it.hub.vendors, (dear.attempts[0].number, cheap.attempts[0].number)
        told = [it.described.told(vendors, number) for number in numbers]
        told += it.described.forged(vendors, numbers[0])
        ids = [one.attempts[0].external_id for one in (dear, cheap)]
        forger = Forger(random.Random(7), [*numbers, *filter(None, ids), dear.id, cheap.id])
        for n in range(ROUNDS):
            status = await it.post(forger.forged(told))
            assert status < 500, n
            if n % SEVERAL == SEVERAL - 1:
                await it.hub.work()
        await it.hub.work()
        dear, cheap = await it.payments()
        assert it.till.of(numbers[0]).state is State.WAITS
        assert (dear.state, dear.captured.kopecks, dear.oddities) == (PaymentState.WAITING, 0, ())
        assert (cheap.state, cheap.captured.text, cheap.refunded.kopecks) == (PaymentState.PAID, "1.00", 0)
        assert it.texts() == ["Оплачено: 2, 1"]
        assert len(await it.payments()) == 2


@EVERY
async def test_no_cards_number_is_kept_or_said(
    name: str, shop: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    async with shop(name) as it:
        await it.paid()
        payment = await it.payment()
        if Can.REFUND in payments_of(name).can:
            await it.refund(payment.id)
        await it.hub.pass_time(1)
        for told in it.described.forged(it.hub.vendors, payment.attempts[0].number):
            await it.post(told)
        await it.hub.work()
        no_cards(it.hub.settings.data, *capsys.readouterr())


async def test_the_search_for_cards_finds_one_wherever_it_is_kept(shop: Callable[..., Any]) -> None:
    assert card_numbers(f"a card {CARD}, no phone 79990000007, no id 4300000000000778") == [CARD.replace(" ", "")]
    async with shop("yookassa") as it:
        assert cards_in(it.hub.settings.data) == []
        body = json.dumps({"type": "notification", "event": "payment.succeeded", "object": {"id": "7", "pan": CARD}})
        await it.post(Webhook(body.encode(), {"Content-Type": "application/json"}))
        assert {line.partition(":")[0] for line in cards_in(it.hub.settings.data)} != set()
        assert cards_in(it.hub.settings.data, CARD)[-1].endswith(CARD.replace(" ", ""))
