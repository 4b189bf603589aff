"""Payments at a provider's stand-in: commands given to it, and what its till holds then."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from connectors.support import ask, calling, perform
from simulators.serve import Running
from simulators.till import Till
from svyazka.connectors.registry import load_manifest
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.payments import Payments, Which
from svyazka.model.contacts import Contact
from svyazka.model.money import Money
from svyazka.model.outcomes import Outcome, Succeeded
from svyazka.model.paying import (
    CancelPayment,
    CapturePayment,
    ChargeSaved,
    MakeLink,
    MoneyCommand,
    RefundPayment,
)
from svyazka.model.payments import attempt_number, refund_number
from svyazka.model.seen import PaymentSeen, RefundSeen
from vendors import PROVIDERS

ANNA = Contact(name="Анна «Ко»", phone="8 (999) 123-45-67", email="anna@example.org")


def settings_of(name: str, more: Mapping[str, Any] | None = None) -> Any:
    described = PROVIDERS[name]
    given = {**described.settings, **described.secrets, **(more or {})}
    return load_manifest(name).settings.model_validate(given)


def payments_of(name: str) -> Payments[Any]:
    found = load_manifest(name).payments
    assert found is not None
    return found


def till_of(name: str, vendors: Running) -> Till:
    till: Till = vendors.of(name).till
    return till


def number_of(n: int, attempt: int = 1) -> str:
    """Ours of the n-th payment."""
    return attempt_number(f"pay_{n:024x}", attempt)


def opened(
    name: str, vendors: Running, key: str = "dlv_1.1", base_url: str | None = None, **around: Any
) -> AbstractAsyncContextManager[Call[Any]]:
    PROVIDERS[name].begin(vendors)
    given = around.pop("settings", None) or settings_of(name)
    return calling(given, base_url or vendors.base_url(name), key=key, **around)


def link(n: int = 1, amount: str = "1049.30", **more: Any) -> MakeLink:
    given: dict[str, Any] = {
        "payment": f"pay_{n:024x}", "number": number_of(n), "order": f"A-{n}", "amount": Money.read(amount),
        "description": f"Заказ A-{n} «Кофе»", "person": ANNA, "return_url": "https://example.org/thanks",
    }  # fmt: skip
    return MakeLink(**{**given, **more})


def charge(token: str, n: int = 2, amount: str = "300.00", **more: Any) -> ChargeSaved:
    given: dict[str, Any] = {
        "payment": f"pay_{n:024x}", "number": number_of(n), "order": f"A-{n}", "amount": Money.read(amount),
        "description": "Абонемент", "person": ANNA, "token": token,
    }  # fmt: skip
    return ChargeSaved(**{**given, **more})


def refund(of: PaymentSeen, amount: str, n: int = 1, **more: Any) -> RefundPayment:
    number = of.number or ""
    given: dict[str, Any] = {
        "payment": f"pay_{number[1:25]}", "number": refund_number(f"pay_{number[1:25]}", 1, n),
        "external_id": of.external_id, "amount": Money.read(amount), "whole": Money.read(amount) == of.amount,
        "description": "Возврат", "person": ANNA,
    }  # fmt: skip
    return RefundPayment(**{**given, **more})


def capture(of: PaymentSeen, amount: str) -> CapturePayment:
    number = of.number or ""
    return CapturePayment(
        payment=f"pay_{number[1:25]}", number=number, external_id=of.external_id, amount=Money.read(amount), person=ANNA
    )


def cancel(of: PaymentSeen) -> CancelPayment:
    number = of.number or ""
    return CancelPayment(payment=f"pay_{number[1:25]}", number=number, external_id=of.external_id, amount=of.amount)


async def done(name: str, vendors: Running, command: MoneyCommand, key: str = "dlv_1.1", **around: Any) -> Outcome:
    """What becomes of a command."""
    async with opened(name, vendors, key, **around) as call:
        return await perform(load_manifest(name), command, call)


async def told(name: str, vendors: Running, command: MoneyCommand) -> str:
    """The story that is kept of a command, and its outcome."""
    async with opened(name, vendors) as call:
        outcome = await perform(load_manifest(name), command, call)
        return json.dumps([one.model_dump(mode="json") for one in call.http.log], ensure_ascii=False) + repr(outcome)


async def found(
    name: str, vendors: Running, command: MoneyCommand, key: str = "dlv_1.1", **around: Any
) -> Outcome | None:
    """What an earlier try is said to have come to."""
    async with opened(name, vendors, key, **around) as call:
        return await ask(load_manifest(name), command, call)


async def read(name: str, vendors: Running, **which: Any) -> PaymentSeen | None:
    async with opened(name, vendors) as call:
        return await payments_of(name).read(Which(**which), call)


def seen_of(outcome: Outcome | None) -> PaymentSeen:
    assert isinstance(outcome, Succeeded), outcome
    assert isinstance(outcome.seen, PaymentSeen), outcome
    return outcome.seen


def refund_of(outcome: Outcome | None) -> RefundSeen:
    """Of a refund: what is seen of it, alone or within its payment."""
    assert isinstance(outcome, Succeeded), outcome
    if isinstance(outcome.seen, PaymentSeen):
        assert outcome.seen.refunds
        return outcome.seen.refunds[-1]
    assert isinstance(outcome.seen, RefundSeen), outcome
    return outcome.seen
