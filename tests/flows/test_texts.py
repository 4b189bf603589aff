"""A text begins with a capital, but what must stay as it is stays: codes, links, parts of a template."""

from __future__ import annotations

import pytest

from svyazka.flows.messages import TextSettings, composer, fill
from svyazka.model.contacts import Contact


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{name}, спасибо!", "Иван, спасибо!"),
        ("{service}: понравилось?", "Стрижка: понравилось?"),
        ("{number}, ваш код {code}", "Ваш код q7x2"),
        ("{code} — ваш код", "q7x2 — ваш код"),
        ("{number} {code} — ваш код", "q7x2 — ваш код"),
        ("{confirm_url}", "https://example.org/q7x2"),
    ],
)
def test_the_first_letter_is_a_capital_unless_it_is_ours_to_keep(template: str, filled: str) -> None:
    trusted = {"code": "q7x2", "confirm_url": "https://example.org/q7x2"}
    assert fill(template, {"name": "иван", "service": "стрижка"}, trusted) == filled


def test_a_part_of_a_template_begins_as_it_was_written() -> None:
    parts = {"name": "review", "parameters": ["{name|гость}", "{number}", "{service}, спасибо"]}
    settings = TextSettings(text="x", template=parts)
    written = composer(settings, {"number": "a-17"}, {}, Contact())
    channel = type("Whatsapp", (), {"reaches": "phone", "connection": "wa"})()
    assert written(channel).template == {"name": "review", "parameters": ["гость", "a-17", "спасибо"]}
