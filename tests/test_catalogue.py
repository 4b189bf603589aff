"""One language at a time, out of one catalogue in which nothing is lacking."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from string import Formatter

import pytest

import texts
from svyazka.catalogue import N_, STATES, _, reader, told, use, wanted
from svyazka.cli.output import style_of, table
from svyazka.model.deliveries import Status
from svyazka.model.events import EventStatus, ReceiptState


@pytest.fixture(autouse=True)
def _text_as_it_stands() -> Iterator[None]:
    yield
    use(None)


def test_every_text_has_its_translation_with_the_same_gaps_and_both_files_are_in_step() -> None:
    assert [*texts.mistakes("ru"), *texts.mistakes("en")] == []


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "ru_RU.UTF-8"}, "ru"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LC_ALL": "en_US.UTF-8", "LANG": "ru_RU.UTF-8"}, "en"),
        ({"SVYAZKA_LANG": "ru", "LC_ALL": "en_US.UTF-8"}, "ru"),
        ({"SVYAZKA_LANG": "en", "LANG": "ru_RU.UTF-8"}, "en"),
        ({"SVYAZKA_LANG": "", "LANG": "ru_RU"}, "ru"),
    ],
)
def test_the_language_is_what_the_environment_asks_for(environment: dict[str, str], language: str) -> None:
    assert wanted(environment) == language


def test_a_text_is_said_in_the_readers_language_and_as_it_stands_where_nobody_chose() -> None:
    assert _("help: {command} --help", command="svyazka") == "help: svyazka --help"
    assert reader() == "en"
    use("ru")
    assert _("help: {command} --help", command="svyazka") == "справка: svyazka --help"
    assert _("no such text {gap}", gap=1) == "no such text 1"
    assert N_("Don't ask.") == "Don't ask."


def test_what_was_stored_is_told_in_the_readers_language_gaps_and_all() -> None:
    stored = "Invalid value for '--x': 'a' is not one of 'b'."
    assert told(stored) == stored
    use("ru")
    assert told("Don't ask.") == "Не спрашивать."
    assert told(stored) == "Неверное значение '--x': «a» — не из числа 'b'."
    assert told("flow review_request") == "сценарий review_request"
    assert told("the vendor's own words") == "the vendor's own words"
    assert told("") == ""


def test_every_text_with_gaps_is_told_again_whatever_was_written_into_them() -> None:
    use("ru")
    for _file, id_ in texts.marked():
        for text in (id_,) if isinstance(id_, str) else id_:
            if texts.gaps(text):
                told("".join(letters + ("27.11" if name else "") for letters, name, *_ in Formatter().parse(text)))
    assert told("the last event came 27.11.2026 18:15 MSK") == "последнее событие пришло 27.11.2026 18:15 MSK"


def test_a_translation_with_other_gaps_is_found() -> None:
    assert texts.gaps("{a} of {b!r}") == {"a", "b"}
    assert texts.gaps("a { alone") == set()


def test_marking_a_text_imports_nothing() -> None:
    code = (
        "import sys; sys.modules.pop('gettext', None); from svyazka.catalogue import N_, _; "
        "_(N_('a {gap}'), gap=1); print('gettext' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert said.stdout.strip() == "False"


def test_every_state_has_a_word_of_its_own_which_a_table_says_in_the_readers_language(
    capsys: pytest.CaptureFixture[str],
) -> None:
    states = [*Status, *EventStatus, *ReceiptState]
    assert {state.value for state in states} - {"none"} <= set(STATES)
    use("ru")
    assert len({told(state) for state in {state.value for state in states}}) == len({s.value for s in states})
    table(("Id", "Status"), [("dlv_1", "parked")], "")
    assert "отложено" in capsys.readouterr().out
    assert style_of("отложено") == style_of("parked") is not None
