"""A log line costs the line at most: never the work, and never the process, that wrote it."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from svyazka.engine.support import logs
from svyazka.server.lines import Lines


def full_disk() -> IO[str]:
    return Path("/dev/full").open("w", encoding="utf-8")


def closed_pipe() -> IO[str]:
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w", encoding="utf-8")


def closed() -> IO[str]:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        (None, None), ("http_5xx", "http_5xx"), ("550-5.7.1", "550-5.7.1"), ("402:opt-out", "402:opt-out"),
        ("no such user anna@example.org", "other"), ("+79991234567", "other"), ("to:79991234567", "other"),
        ("Анна", "other"), ("x" * 65, "other"), ("", "other"),
    ],
)  # fmt: skip
def test_a_vendors_code_is_shown_where_it_can_hold_nobody(code: str | None, shown: str | None) -> None:
    assert logs.plain_code(code) == shown


STREAMS = [full_disk, closed_pipe, closed]


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    logs.configure()


@pytest.mark.parametrize("make", STREAMS)
def test_nowhere_to_write_to(make: Callable[[], IO[str]]) -> None:
    stream = make()
    logs.configure(stream)
    for _ in range(3):
        logs.log("ERROR", "process died, starting it again", function="work")
    _let_go(stream)


@pytest.mark.parametrize("make", STREAMS)
def test_lines_in_the_background_go_on_after_a_failure(make: Callable[[], IO[str]]) -> None:
    stream, good = make(), io.StringIO()
    lines = Lines(stream)
    lines.write("lost\n")
    lines.write_out()
    lines._stream = good
    lines.write("seen\n")
    lines.write_out()
    assert "seen\n" in good.getvalue()
    _let_go(stream)


def test_what_its_stream_has_no_letters_for_is_escaped() -> None:
    kept = io.BytesIO()
    logs.configure(io.TextIOWrapper(kept, encoding="ascii"))
    logs.log("INFO", "seen", reason="заказ \ud800")
    assert b"\\ud800" in kept.getvalue()


def test_a_shape_that_fails_shows_the_line_plainly() -> None:
    def wrong(line: Any) -> str:
        raise KeyError("time")

    seen = io.StringIO()
    logs.configure(seen, shape=wrong)
    logs.log("INFO", "seen", reason="all the same")
    assert "all the same" in seen.getvalue()


def _let_go(stream: IO[str]) -> None:
    try:
        stream.close()
    except (OSError, ValueError):
        return
