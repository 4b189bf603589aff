"""Forms as sites send them: `multipart/form-data` read into the urlencoded bytes that every form parser here reads."""

from __future__ import annotations

from logging import CRITICAL, getLogger
from urllib.parse import quote_from_bytes

from svyazka.catalogue import N_
from svyazka.engine.contracts.webhook import MULTIPART, NotTheFormat

FIELDS_LIMIT = 1000


def urlencoded(body: bytes, content_type: str | None) -> bytes:
    """The form's bytes, urlencoded: what isn't multipart comes back as it is. Raises NotTheFormat.

    The values stay bytes, percent-encoded: whoever reads the form decides on their charset. Of a file only its name
    stays. A boundary that the header forgot (a page's script that sets it by hand always does) is read from the body.
    """
    kind, _, _ = (content_type or "").partition(";")
    if kind.strip().lower() != MULTIPART:
        return body
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser, parse_options_header

    getLogger("python_multipart").setLevel(CRITICAL)  # it has a line on stderr for every fault of a stranger's
    boundary = parse_options_header(content_type)[1].get(b"boundary") or _first_line(body)
    parts = _Parts()
    try:
        parser = MultipartParser(boundary, parts.callbacks())  # type: ignore[arg-type]
        parser.write(body)
        parser.finalize()
    except NotTheFormat:
        raise
    except (FormParserError, ValueError):
        raise NotTheFormat(N_("expected multipart/form-data, got something else")) from None
    if not parts.ended:
        raise NotTheFormat(N_("expected multipart/form-data as a whole, it breaks off"))
    return b"&".join(parts.pairs)


def _first_line(body: bytes) -> bytes:
    line = body.lstrip(b"\r\n").partition(b"\r\n")[0].rstrip()
    if not line.startswith(b"--") or len(line) > 80:
        raise NotTheFormat(N_("expected multipart/form-data with its boundary, found none"))
    return line[2:]


class _Parts:
    """Collects what the parser calls out, piece by piece."""

    def __init__(self) -> None:
        self.pairs: list[bytes] = []
        self.ended = False
        self._begin()

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._begin, "on_header_field": self._name, "on_header_value": self._line,
            "on_header_end": self._header, "on_part_data": self._data, "on_part_end": self._end, "on_end": self._all,
        }  # fmt: skip

    def _begin(self) -> None:
        self._headers: dict[bytes, bytes] = {}
        self._header_name, self._header_line, self._value = bytearray(), bytearray(), bytearray()

    def _name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _line(self, data: bytes, start: int, end: int) -> None:
        self._header_line += data[start:end]

    def _header(self) -> None:
        self._headers[bytes(self._header_name).lower()] = bytes(self._header_line)
        self._header_name, self._header_line = bytearray(), bytearray()

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end(self) -> None:
        from python_multipart.multipart import parse_options_header

        options = parse_options_header(self._headers.get(b"content-disposition", b""))[1]
        name = options.get(b"name")
        if name is None:
            raise ValueError("a part without a name")
        if len(self.pairs) >= FIELDS_LIMIT:
            raise NotTheFormat(N_("expected a form of at most {FIELDS_LIMIT} fields").format(FIELDS_LIMIT=FIELDS_LIMIT))
        value = options.get(b"filename", bytes(self._value))
        self.pairs.append(f"{quote_from_bytes(name)}={quote_from_bytes(value)}".encode())

    def _all(self) -> None:
        self.ended = True
