"""A page of a proxy's or an operator's in place of a vendor's API is trouble on the way: tried again, never a refusal
for good, and nobody is told to copy a new key. What may have been passed on is unclear, and never simply repeated."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from connectors.support import calling
from engine.outbound.test_transport import request_of, vendor
from fakes import House, order
from svyazka.connectors.registry import load_manifest
from svyazka.engine.rules.ambiguity import resolved
from svyazka.model.commands import Command, Repeat
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import SourceUnavailable
from svyazka.model.events import Entity
from svyazka.model.outcomes import Outcome, Retry, Unclear, Unknown

ID = str(UUID(int=1))

SOURCES: dict[str, tuple[dict[str, Any], Entity]] = {
    "iiko": ({"api_login": "k3y-for-tests", "organization_id": ID}, Entity(kind="delivery", id=ID)),
    "yclients": ({"company_id": 1, "partner_token": "p", "user_token": "u"}, Entity(kind="record", id="7")),
    "amocrm": ({"subdomain": "kofe", "token": "k3y-for-tests"}, Entity(kind="lead", id="7")),
    "rkeeper": ({"client_id": "c", "client_secret": "k3y-for-tests"}, Entity(kind="order", id="7")),
    "resend": ({"api_key": "k3y-for-tests"}, Entity(kind="email", id="7")),
}  # fmt: skip


def page(status: int):  # type: ignore[no-untyped-def]
    """A box on the way that answers everything with its page."""
    body = "<html>Доступ ограничен</html>".encode()

    async def answer(reader, writer) -> None:  # type: ignore[no-untyped-def]
        while True:
            await request_of(reader)
            head = f"HTTP/1.1 {status} No\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)

    return answer


@pytest.mark.parametrize("status", [400, 401, 402, 404, 405, 410, 422])
@pytest.mark.parametrize("name", SOURCES)
async def test_a_page_in_place_of_a_sources_api_is_tried_again(name: str, status: int) -> None:
    given, entity = SOURCES[name]
    connector = load_manifest(name)
    async with vendor(page(status)) as port:
        address = f"http://127.0.0.1:{port}"
        settings = connector.settings.model_validate({**given, "base_url": address})
        async with calling(settings, address) as call:
            with pytest.raises(SourceUnavailable) as caught:
                await connector.reading.read(entity, call)
    assert isinstance(caught.value.outcome, Retry)


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
