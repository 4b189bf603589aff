"""After a rotation of `mint` what was made under the keys before still holds."""

import json

from fakes import House, order
from svyazka.engine.keeping.consent import mark
from svyazka.engine.security.keyring import Keyring
from svyazka.model.consent import Consent

PHONE = "+79991234567"
BOTH = {"1": bytes([0]) * 32, "2": bytes([9]) * 32}


def rotated(house: House) -> None:
    """A key beside the present one, and processes that have read both."""
    others = {name: {"1": bytes([i]) * 32} for i, name in enumerate(("verify", "vault"), start=1)}
    house.keyring = Keyring({"mint": BOTH, **others})
    house.start()


async def test_who_wanted_no_messages_gets_none(house: House) -> None:
    await house.store.commit([mark(house.hub, "kofe", PHONE, "STOP", house.clock.now())])
    rotated(house)
    await house.post(order(phone=PHONE))
    await house.run()
    assert house.sms.sent == []
    (delivery,) = house.deliveries()
    assert (delivery.status, delivery.last_error.code) == ("cancelled", "opted_out")


async def test_who_allows_them_again_gets_them(house: House) -> None:
    await house.store.commit([mark(house.hub, "kofe", PHONE, "STOP", house.clock.now())])
    rotated(house)
    await house.store.commit([mark(house.hub, "kofe", PHONE, "START", house.clock.now(), Consent.GIVEN)])
    await house.post(order(phone=PHONE))
    await house.run()
    assert len(house.sms.sent) == 1


async def test_a_webhook_key_from_before_still_opens(house: House) -> None:
    old = house.keyring.mint("till", "kofe", "till")
    rotated(house)
    answer = await house.post(order(), key=old)
    assert json.loads(answer.body)["events"][0]["status"] == "accepted"
    assert not house.keyring.mint("till", "kofe", "till").startswith("1.")
