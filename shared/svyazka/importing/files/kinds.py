"""What kind of file it is, and how large one may be."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Protocol

from svyazka.catalogue import N_, _
from svyazka.model.errors import ConfigError


class FileRefused(ConfigError):
    """A file that can't be read; the message says what to do about it."""


class FileKind(StrEnum):
    """What wrote it decides how it is read."""

    TEXT = "csv"
    WORKBOOK = "workbook"
    PAGE = "html"
    """A web page that is called `.xls`, as Bitrix24 and others export."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused, before it costs memory."""

    file: int = 64 * 2**20
    unpacked: int = 512 * 2**20
    """Bytes of a workbook's parts; each of them is a zip's."""
    lines: int = 200_000
    columns: int = 300
    line: int = 2**20
    """Letters of one line of a text file."""
    cell: int = 32_767
    """Letters of one cell: no spreadsheet takes more."""


LIMITS = Limits()


class Line(NamedTuple):
    """One line of a table."""

    number: int
    """From 1, as a spreadsheet counts it."""
    cells: tuple[str, ...]
    damaged: bool = False
    """Some letters couldn't be read."""
    joined: bool = False
    """A quote has made one line of several that the file has."""


class Table(Protocol):
    """A file's lines, which may be read more than once."""

    kind: FileKind
    said: str
    """How it was read: encoding and delimiter, or the sheet."""

    def lines(self) -> Iterator[Line]:
        """All of them, blank ones too, so that each can be accounted for."""
        raise NotImplementedError


_HEAD = 4096
_PIECE = 2**20
_PLACE = re.compile(rb' r="([A-Z]{0,3})(\d{1,10})"')
"""Where a sheet of a workbook says that a row or a cell stands."""
_FAR = re.compile(rb' r="(?:[A-Z]{3}|[L-Z][A-Z]|K[O-Z])\d')
"""A cell behind the 300th column, KN."""
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ARCHIVE = N_("it is an archive: unpack it and give the file that is in it")
_REFUSED = (
    (b"MOXCEL", N_("it is 1C's own form (MXL): save the list as XLSX or CSV there")),
    (b"%PDF", N_("it is a PDF, made for printing: export the list as XLSX or CSV")),
    (b"{\\rtf", N_("it is a text document (RTF): export the list as XLSX or CSV")),
    (b"Rar!", _ARCHIVE), (b"7z\xbc\xaf", _ARCHIVE), (b"\x1f\x8b", _ARCHIVE),
)  # fmt: skip

_NO_TABLES = (b"<?xml", b"begin:vcard", b"[{", b'{"')
"""How exchange files of 1C, address books and answers of programs begin."""


def kind_of(path: Path, limits: Limits = LIMITS) -> FileKind:
    """What kind of file it is. Raises FileRefused with what to do."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise FileRefused(f"{path}: {error.strerror}") from None
    if size == 0:
        raise refused(path, _("it is empty"))
    if size > limits.file:
        most = limits.file >> 20
        raise refused(path, _("it has {size} MB, and {most} are the most: split it", size=size >> 20, most=most))
    for begins, why in _REFUSED:
        if head.startswith(begins):
            raise refused(path, _(why))
    if head.startswith(b"PK\x03\x04"):
        _check_zip(path, limits)
        return FileKind.WORKBOOK
    if head.startswith(_OLE):
        return FileKind.WORKBOOK
    text = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()
    if text.startswith(b"<?xml") and b"office:spreadsheet" in text:
        raise refused(path, _("it is a spreadsheet in XML of 2003: open it and save it as XLSX"))
    if text.startswith((b"<html", b"<!doctype html", b"<table", b"<meta", b"<head")) or b"<table" in text[:2048]:
        return FileKind.PAGE
    if text.startswith(_NO_TABLES):
        raise refused(path, _("it is no table: export the list as XLSX or CSV"))
    return FileKind.TEXT


def _check_zip(path: Path, limits: Limits) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError):
        raise refused(path, _("it is damaged: export it again")) from None
    names = {part.filename for part in parts}
    if not any(name.startswith("xl/") or name == "content.xml" for name in names):
        raise refused(path, _(_ARCHIVE))
    if sum(part.file_size for part in parts) > limits.unpacked:
        raise refused(path, _("unpacked it is larger than {most} MB: split it", most=limits.unpacked >> 20))
    for part in parts:
        if part.filename.startswith("xl/worksheets/sheet"):
            _check_corner(path, part, limits)


def _check_corner(path: Path, part: zipfile.ZipInfo, limits: Limits) -> None:
    """A sheet is held as a whole rectangle, up to its last row and its last column: one cell that somebody has typed
    into far away would cost more memory than there is, and the process with it."""
    lines, is_far = 1, False
    for piece in _pieces(path, part):
        is_far = is_far or _FAR.search(piece) is not None
        last = _PLACE.match(piece, max(piece.rfind(b' r="'), 0))
        lines = int(last[2]) if last else lines
    if not is_far and lines <= limits.lines:
        return
    # Only now each cell is looked at, which takes long.
    places = (place for piece in _pieces(path, part) for place in _PLACE.findall(piece))
    columns = max((_column(letters) for letters, _line in places), default=0)
    if lines * columns > limits.lines * limits.columns:
        raise refused(path, _(
            "a sheet goes on to line {line}, column {column}: somebody typed into a cell far from the table. Copy the "
            "table into a new workbook", line=lines, column=columns,
        ))  # fmt: skip


def _pieces(path: Path, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """What a part holds, each piece with the end of the one before it."""
    end = b""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(part) as file:
            while piece := file.read(_PIECE):
                yield end + piece
                end = piece[-20:]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError):
        raise refused(path, _("it is damaged: export it again")) from None


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def refused(path: Path, why: str) -> FileRefused:
    """The file's name and what is wrong with it."""
    return FileRefused(f"{path.name}: {why}")


def too_long(path: Path, limits: Limits) -> FileRefused:
    """More lines than are read."""
    return refused(path, _("it has more than {most} lines: split it", most=limits.lines))


def too_wide(path: Path, number: int, limits: Limits) -> FileRefused:
    """A line of more cells than any table has."""
    return refused(
        path, _("line {number} has more than {most} columns: that is no table", number=number, most=limits.columns)
    )
