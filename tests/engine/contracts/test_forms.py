"""Multipart forms are read as urlencoded ones are, however carelessly they were made, and nothing else is touched."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svyazka.connectors.http.webhook import form
from svyazka.engine.contracts.forms import FIELDS_LIMIT, urlencoded
from svyazka.engine.contracts.webhook import NotTheFormat

SAID = "multipart/form-data; boundary=BB"


def part(name: str, value: bytes, more: str = "") -> bytes:
    return f'--BB\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + value + b"\r\n"


END = b"--BB--\r\n"


@pytest.mark.parametrize(
    ("said", "body", "fields"),
    [
        (SAID, part("Name", "Анна".encode()) + part("Phone", b"+79990000109") + END,
         {"Name": "Анна", "Phone": "+79990000109"}),
        ('Multipart/Form-Data; charset=utf-8; boundary="BB"', part("a", b"1") + part("a", b"2") + END,
         {"a": ["1", "2"]}),
        ("multipart/form-data", part("Имя", "Анна".encode()) + END, {"Имя": "Анна"}),
        (SAID, part("Name", "Анна".encode("cp1251")) + END, {"Name": "Анна"}),
        (SAID, part("text", b"a&b=c%41 +\r\n--B") + END, {"text": "a&b=c%41 +\r\n--B"}),
        (SAID, part("photo", b"\xff\xd8" * 999, '; filename="me.jpg"\r\nContent-Type: image/jpeg') + END,
         {"photo": "me.jpg"}),
        (SAID, part("empty", b"") + END.rstrip(), {"empty": ""}),
        (SAID, b"--BB\r\nContent-Type: text/plain\r\ncontent-disposition: form-data; name=a\r\n\r\n1\r\n" + END,
         {"a": "1"}),
    ],
)  # fmt: skip
def test_a_multipart_form_is_read(said: str, body: bytes, fields: dict[str, str | list[str]]) -> None:
    assert form(urlencoded(body, said), said) == fields


@pytest.mark.parametrize(
    "body",
    [
        b"", b"nonsense", END[:-4], part("a", b"1"), part("a", b"1")[:-1], b"a=1", b'{"a": 1}',
        b"--BB\r\n\r\n1\r\n" + END, part("a", b"1") * (FIELDS_LIMIT + 1) + END,
    ],
)  # fmt: skip
def test_what_is_none_says_so_and_quotes_nothing(body: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    for said in (SAID, "multipart/form-data"):
        with pytest.raises(NotTheFormat, match="expected"):
            urlencoded(body, said)
    assert capfd.readouterr() == ("", "")


@given(
    st.binary(max_size=300), st.sampled_from([SAID, "multipart/form-data", "multipart/form-data; boundary=" + "x" * 99])
)
def test_any_bytes_are_a_form_or_none(body: bytes, said: str) -> None:
    with suppress(NotTheFormat):
        assert isinstance(urlencoded(b"--BB\r\n" + body, said), bytes)


@pytest.mark.parametrize("said", [None, "", "application/x-www-form-urlencoded", "application/json; boundary=BB"])
def test_anything_else_is_left_as_it_came(said: str | None) -> None:
    assert urlencoded(b"a=%D0%90&b=1", said) == b"a=%D0%90&b=1"
