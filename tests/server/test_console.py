"""Who watches `svyazka run` in a terminal reads sentences; whatever collects its lines gets JSON."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import IO

import pytest

from svyazka.engine.support import logs
from svyazka.server.console import shape_for


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def usual() -> Iterator[None]:
    yield
    logs.configure()


def told(stream: IO[str]) -> None:
    logs.configure(stream, shape=shape_for(stream))
    logs.log("DEBUG", "swept", count=0)
    logs.log(
        "INFO", "accepted", tenant="kofe", connection="till", vendor="iiko", event="evt_1", count=1, status="accepted"
    )
    logs.log("WARNING", "webhook refused", vendor="iiko", reason="\x1b[2Jred")


def test_in_a_terminal_a_line_is_a_sentence_and_what_only_machines_count_is_left_out(usual: None) -> None:
    stream = Terminal()
    told(stream)
    first, second = stream.getvalue().splitlines()
    assert first[8:] == "  accepted: kofe/till iiko evt_1 accepted, count 1"
    assert second[8:] == "  WARNING webhook refused: iiko, reason \N{REPLACEMENT CHARACTER}[2Jred"


def test_elsewhere_it_is_json_with_every_field(usual: None) -> None:
    stream = io.StringIO()
    told(stream)
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == [
        "swept", "accepted", "webhook refused",
    ]  # fmt: skip


def test_whoever_reads_russian_reads_sentences_in_it(usual: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """And ids, connections and what comes in fields stay as they are."""
    monkeypatch.setenv("SVYAZKA_LANG", "ru")
    stream = Terminal()
    told(stream)
    first, second = stream.getvalue().splitlines()
    assert first[8:] == "  принято: kofe/till iiko evt_1 принято, count 1"
    assert "вебхук отклонён: iiko" in second
    plain = io.StringIO()
    told(plain)
    assert '"message": "accepted"' in plain.getvalue()
