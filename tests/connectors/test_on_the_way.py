"""A page of a proxy's or an operator's in place of a vendor's API is trouble on the way: tried again, never a refusal
for good, and nobody is told to copy a new key. What may have been passed on is unclear, and never simply repeated."""

from __future__ import annotations

import pytest

from fakes import House, order
from svyazka.engine.rules.ambiguity import resolved
from svyazka.model.commands import Command, Repeat
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.outcomes import Outcome, Retry, Unclear, Unknown


@pytest.mark.parametrize(
    ("repeat", "made"),
    [
        (Repeat.UNSAFE, Unknown(code="no_id", message="neither yes nor no")),
        (Repeat.CHECKABLE, Retry(code="no_id", message="neither yes nor no", after=7, maybe_sent=True)),
        (Repeat.IDEMPOTENT, Retry(code="no_id", message="neither yes nor no", after=7, maybe_sent=True)),
    ],
)
def test_what_is_unclear_means_what_silence_would(repeat: Repeat, made: object) -> None:
    delivery = Delivery.model_construct(repeat=repeat)
    assert resolved(delivery, Unclear(code="no_id", message="neither yes nor no", after=7)) == made


@pytest.mark.parametrize(
    ("repeat", "taken", "status", "calls"),
    [
        (Repeat.CHECKABLE, True, Status.SUCCEEDED, 1), (Repeat.CHECKABLE, False, Status.SUCCEEDED, 2),
        (Repeat.UNSAFE, True, Status.UNKNOWN, 1),
    ],
)  # fmt: skip
async def test_a_checkable_vendor_is_asked_about_an_unclear_answer(
    repeat: Repeat, taken: bool, status: Status, calls: int
) -> None:
    house = House()
    house.sms.repeat = repeat

    def unclear(command: Command, key: str) -> Outcome:
        if taken:
            house.sms.deliver(command, key)
        return Unclear(code="no_id", message="neither yes nor no")

    house.sms.script.append(unclear)
    await house.settle_in()
    await house.post(order())
    await house.pass_time(3600)
    (delivery,) = house.deliveries()
    assert (delivery.status, house.sms.calls, len(house.sms.sent)) == (status, calls, 1)
