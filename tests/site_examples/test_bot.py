"""The example's bot, all the way: a person presses buttons, and the calendar has the visit."""

from __future__ import annotations

from typing import Any

from simulators.telegram import CHAT
from site_examples.conftest import Shop, until


def last(shop: Shop, number: int) -> dict[str, Any]:
    """The bot's message of that number, once it is there."""
    until(lambda: len(shop.effects("telegram", "message")) >= number, f"message {number} of the bot's")
    return shop.effects("telegram", "message")[number - 1]


def press(shop: Shop, message: dict[str, Any], text: str) -> None:
    (button,) = [one for one in message["buttons"] if text in one["text"]][:1]
    shop.told("telegram", "press", chat=CHAT, data=button["callback_data"])


def test_a_visit_is_booked_by_buttons_and_a_time_that_was_taken_leads_to_others(shop: Shop) -> None:
    shop.told("telegram", "say", chat=CHAT, text="/start")
    assert last(shop, 1)["buttons"][0]["request_contact"]
    shop.told("telegram", "share", chat=CHAT, phone="79991239999")
    services = last(shop, 2)
    shown = [one["text"] for one in services["buttons"]]
    assert shown == ["Стрижка женская, 1500 ₽", "Стрижка детская, от 800 ₽", "Мои записи"]
    press(shop, services, "женская")
    days = last(shop, 3)
    day = days["buttons"][1]
    shop.told("telegram", "press", chat=CHAT, data=day["callback_data"])
    times = last(shop, 4)
    press(shop, times, "12:00")
    assert "Вы записаны" in last(shop, 5)["text"]
    (made,) = [one for one in shop.effects("dikidi", "booking") if one["phone"] == "79991239999"]
    assert made["time"].endswith("12:00:00")
    press(shop, times, "12:00")  # once more, by a finger that slipped
    for master in ("555", "556"):
        shop.told("dikidi", "take", master=master, service="2001", time=made["time"].replace("12:00", "15:00"))
    press(shop, times, "15:00")
    refused = last(shop, 6)
    assert "не получилось" in refused["text"]
    shop.told("telegram", "press", chat=CHAT, data=refused["buttons"][0]["callback_data"])
    left = [one["text"] for one in last(shop, 7)["buttons"]]
    assert "15:00" not in left
    assert "16:00" in left
    assert len([one for one in shop.effects("dikidi", "booking") if one["phone"] == "79991239999"]) == 1
    press(shop, last(shop, 5), "Мои записи")
    press(shop, last(shop, 8), "12:00")
    press(shop, last(shop, 9), "Отменить")
    press(shop, last(shop, 10), "Да")
    assert "отменена" in last(shop, 11)["text"]
    press(shop, last(shop, 5), "Мои записи")
    assert "нет" in last(shop, 12)["text"]
