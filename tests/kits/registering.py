"""Fiscal receipts at a fiscaliser's stand-in: commands given to it, and what stands there then."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

from connectors.support import ask, calling, perform
from simulators.serve import Running
from svyazka.connectors.registry import load_manifest
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.receipts import Receipts
from svyazka.model.contacts import Contact
from svyazka.model.money import Money
from svyazka.model.outcomes import Outcome, Succeeded
from svyazka.model.receipts import ReceiptKind, RegisterReceipt, receipt_id, try_number
from svyazka.model.seen import ReceiptSeen
from vendors import FISCALISERS

ANNA = Contact(name="Анна «Ко»", phone="8 (999) 123-45-67", email="anna@example.org")
AT = datetime(2026, 11, 20, 10, 45, 7, tzinfo=UTC)


def settings_of(name: str, more: Mapping[str, Any] | None = None) -> Any:
    described = FISCALISERS[name]
    given = {**described.settings, **described.secrets, **(more or {})}
    return load_manifest(name).settings.model_validate(given)


def receipts_of(name: str) -> Receipts[Any]:
    found = load_manifest(name).receipts
    assert found is not None
    return found


def opened(
    name: str, vendors: Running, key: str = "dlv_1.1", base_url: str | None = None, **around: Any
) -> AbstractAsyncContextManager[Call[Any]]:
    FISCALISERS[name].begin(vendors)
    given = around.pop("settings", None) or settings_of(name)
    return calling(given, base_url or vendors.base_url(name), key=key, **around)


def receipt(n: int = 1, amount: str = "1429.50", of: ReceiptKind = ReceiptKind.SALE, **more: Any) -> RegisterReceipt:
    transaction = None if of is ReceiptKind.SETTLEMENT else "t1" if of is ReceiptKind.SALE else "t2"
    id_ = receipt_id(f"pay_{n:024x}", transaction, of)
    given: dict[str, Any] = {
        "receipt": id_, "number": try_number(id_, 1), "of": of, "order": f"A-{n}", "amount": Money.read(amount),
        "description": f"Заказ A-{n} «Кофе»", "person": ANNA, "at": AT,
    }  # fmt: skip
    return RegisterReceipt(**{**given, **more})


async def done(name: str, vendors: Running, command: RegisterReceipt, key: str = "dlv_1.1", **around: Any) -> Outcome:
    """What becomes of a command."""
    async with opened(name, vendors, key, **around) as call:
        return await perform(load_manifest(name), command, call)


async def found(name: str, vendors: Running, command: RegisterReceipt) -> Outcome | None:
    async with opened(name, vendors) as call:
        return await ask(load_manifest(name), command, call)


async def read(name: str, vendors: Running, external_id: str, **around: Any) -> ReceiptSeen | None:
    async with opened(name, vendors, **around) as call:
        return await receipts_of(name).read(external_id, call)


async def story(name: str, vendors: Running, command: RegisterReceipt, **around: Any) -> str:
    """What is kept of a command, and its outcome."""
    async with opened(name, vendors, **around) as call:
        outcome = await perform(load_manifest(name), command, call)
        return json.dumps([one.model_dump(mode="json") for one in call.http.log], ensure_ascii=False) + repr(outcome)


def seen_of(outcome: Outcome | None) -> ReceiptSeen:
    assert isinstance(outcome, Succeeded), outcome
    assert isinstance(outcome.seen, ReceiptSeen), outcome
    return outcome.seen
