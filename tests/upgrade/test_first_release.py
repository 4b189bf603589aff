"""What the first release wrote is read, upgraded and goes on: nothing is sent twice, nothing is lost."""

from __future__ import annotations

from datetime import time

from svyazka.flows.registry import load_flow
from svyazka.model.deliveries import Status
from upgrade.conftest import Upgraded
from upgrade.town import order

DAY = 24 * 3600


async def test_everything_open_goes_on_to_its_end(town: Upgraded) -> None:
    await town.pass_time(3 * 3600, step=300)
    owed = await town.owed()
    ends = {name: (one.status.value, one.generation, len(town_sent(town, one.id))) for name, one in owed.items()}
    assert ends == {
        # Settled before: left alone.
        "kofe thanks order:1 review/sms": ("succeeded", 1, 1),
        "chay thanks order:1 review/sms": ("succeeded", 1, 1),
        "kofe later order:1 review/sms": ("succeeded", 1, 1),
        "kofe thanks order:4 review/sms": ("failed", 1, 0),
        # Its cancellation, journaled before the upgrade, is found: and only its own connection's.
        "kofe thanks order:2 review/sms": ("cancelled", 1, 0),
        "kofe later order:2 review/sms": ("succeeded", 1, 1),
        "kofe later order:4 review/sms": ("cancelled", 1, 0),
        "kofe later order:5 review/sms": ("succeeded", 1, 1),
        # This person has had a message within thirty days.
        "kofe later order:3 review/sms": ("cancelled", 1, 0),
        "kofe thanks order:4 review/mail": ("succeeded", 1, 1),
        # Nobody repeats what may have gone out; what the receipt tells of is the one whose worker died.
        "chay thanks order:3 review/sms": ("unknown", 1, 0),
        "kofe thanks order:7 review/sms": ("succeeded", 1, 0),
        # Sent before its worker died, and sent again under the same key: the vendor takes it once.
        "kofe thanks order:8 review/mail": ("succeeded", 1, 1),
        # The outage is over, and everything that waited for it goes.
        **{f"kofe pushed order:{n} review/push": ("succeeded", 1, 1) for n in range(1, 7)},
        # The newer of one source in place of the older; another source's order of the same number on its own.
        "kofe later order:71 state/1": ("cancelled", 1, 0),
        "kofe later order:71 state/2": ("succeeded", 1, 1),
        "kofe later order:71 state/3": ("succeeded", 1, 1),
        # Journaled, and forgotten by the queue.
        "kofe thanks order:6 review/sms": ("succeeded", 1, 1),
    }


async def test_what_was_planned_before_is_not_sent_again(town: Upgraded) -> None:
    """Each of these is told again, by its own connection, under a new revision: one more event, no more messages."""
    await town.pass_time(3 * 3600, step=300)
    before, owed = town.sent_now(), set(await town.owed())
    for where, number in (("kofe/till", 1), ("chay/till", 1), ("kofe/evening", 2), ("kofe/till", 7), ("kofe/kiosk", 5)):
        await town.tell(where, order(number, revision=9))
    await town.tell("kofe/till", order(8, revision=9, email="ivan8@example.org"))
    await town.pass_time(3600, step=300)
    assert (town.sent_now(), set(await town.owed())) == (before, owed)


async def test_what_an_equal_number_had_swallowed_goes_out_when_its_own_shop_tells_it_again(town: Upgraded) -> None:
    await town.tell("kofe/shop", order(1, revision=2, phone="+79990000201"))
    await town.tell("kofe/shop", order(1, revision=3, phone="+79990000201"))
    await town.run()
    owed = await town.owed()
    delivery = owed["kofe thanks shop/order:1 review/sms"]
    assert (delivery.status, delivery.command.to.phone) == (Status.SUCCEEDED, "+79990000201")
    assert len(town_sent(town, delivery.id)) == 1
    await town.tell("kofe/till", order(1, revision=2))
    await town.run()
    assert len(await town.owed()) == len(owed)


async def test_a_receipt_of_a_message_from_before_finds_it(town: Upgraded) -> None:
    owed = await town.owed()
    delivery = owed["kofe thanks order:1 review/sms"]
    await town.tell("kofe/sms", {"receipt": "delivered", "external_id": delivery.external_id})
    await town.run()
    assert (await town.owed())["kofe thanks order:1 review/sms"].receipt == "delivered"


def town_sent(town: Upgraded, id_: str) -> list[str]:
    """What went out of a delivery, before the upgrade and after it."""
    return [key for m in (town.sms, town.mail, town.push) for key, _ in m.sent if key.startswith(id_)]


async def test_a_database_from_before_gets_the_indexes_that_it_lacks(on_sqlite: Upgraded) -> None:
    plan = "EXPLAIN QUERY PLAN SELECT id FROM events WHERE tenant = ? AND connection = ? AND subject = ?"
    assert "events_tenant_connection_subject" in str(on_sqlite.store.read(plan, ["kofe", "till", "order:1"]))


def test_quiet_hours_that_the_first_release_took_go_on_meaning_never() -> None:
    """Refused in a file from now on; a tenant applied before doesn't stop over it."""
    settings = {"text": "{name}", "review_url": "https://example.org/r", "quiet_hours": "21:00-21:00"}
    hours = load_flow("review_request").settings_model().model_validate(settings).quiet_hours  # type: ignore[attr-defined]
    assert hours == (time(21), time(21))
