"""The catalogue of texts for people: `shared/svyazka/locale/<language>/LC_MESSAGES/svyazka.{po,mo}`.

    python infra/texts.py            collects the marked texts, adds new ones to the .po files, compiles the .mo files
    python infra/texts.py --check    ends with 1 when a text has no translation, or a .mo isn't its .po's

A text is marked by `_`, `N_` or `ngettext`, in templates by `t` or `tn`. An English one needs a Russian translation, a
Russian one an English.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "shared" / "svyazka"
SCENES = ROOT / "shared" / "simulators" / "scenes"
LOCALE = PACKAGE / "locale"
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2), "t": None, "tn": (1, 2)}

CYRILLIC = re.compile("[а-яё]", re.I)

UNCHANGING = datetime(2026, 1, 1, tzinfo=UTC)
"""In place of today: the same .po makes the same .mo."""

Id = str | tuple[str, ...]


@cache
def marked() -> tuple[tuple[str, Id], ...]:
    """Every marked text of the code, with its file. Looked for once, for both languages."""
    return (*_marked(), *logged())


def _marked() -> Iterator[tuple[str, Id]]:
    for folder in (PACKAGE, SCENES):
        for name, _line, text, _comments, _context in extract_from_dir(
            folder, [("**.py", "python"), ("**.html", "jinja2")], {"**.py": {"encoding": "utf-8"}}, KEYWORDS
        ):
            yield name if folder is PACKAGE else f"{folder.name}/{name}", text


def logged() -> Iterator[tuple[str, str]]:
    """What lines of the log say: they are for machines, and in a terminal a person reads them."""
    for path in sorted(Path(PACKAGE).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            said = node.args[1:2] if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "log" else []
            yield from ((path.relative_to(PACKAGE).as_posix(), one.value) for one in said
                        if isinstance(one, ast.Constant) and isinstance(one.value, str))  # fmt: skip


def collected(language: str) -> Catalog:
    """The marked texts that need this language, those alone, with their translations from the .po."""
    head = "# Texts for people: `_`, `N_` and `ngettext` in the code, collected by infra/texts.py."
    found = Catalog(
        locale=language, domain="svyazka", fuzzy=False, header_comment=head, creation_date=UNCHANGING,
        revision_date=UNCHANGING,
    )  # fmt: skip
    old = said(language)
    texts = [(name, id_) for name, id_ in marked() if bool(CYRILLIC.search(str(id_))) == (language == "en")]
    for name, id_ in sorted(texts, key=lambda one: one[0]):
        known = old.get(id_)
        string = known.string if known else "" if isinstance(id_, str) else ("",) * found.num_plurals
        found.add(id_, string, locations=[(name, None)])  # type: ignore[list-item]
    return found


def said(language: str) -> Catalog:
    """What the .po says."""
    path = po(language)
    if not path.exists():
        return Catalog(locale=language, domain="svyazka")
    with path.open("rb") as file:
        found = read_po(file, locale=language, domain="svyazka")
    found.creation_date = found.revision_date = UNCHANGING
    return found


def po(language: str) -> Path:
    """The file that people edit."""
    return LOCALE / language / "LC_MESSAGES" / "svyazka.po"


def compiled(catalog: Catalog) -> bytes:
    """The .mo, which is read at run time."""
    out = BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def write(language: str) -> None:
    """Bring both files of a language up to date."""
    catalog = collected(language)
    path = po(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    out = BytesIO()
    write_po(out, catalog, width=118, sort_by_file=False, include_lineno=False, omit_header=False)
    path.write_bytes(out.getvalue())
    path.with_suffix(".mo").write_bytes(compiled(said(language)))


def mistakes(language: str) -> Iterator[str]:
    """What is wrong with a language's files, one line each."""
    needed, known = collected(language), said(language)
    for message in needed:
        if message.id:
            yield from (f"{language}: {_first(message.id)!r}: {what}" for what in _faults(language, message))
    ids = {_first(message.id) for message in needed}
    gone = [message.id for message in known if message.id and _first(message.id) not in ids]
    yield from (f"{language}: {_first(id_)!r}: stands in no code any more: make texts" for id_ in gone)
    path = po(language).with_suffix(".mo")
    if not path.exists() or strings(read_mo(BytesIO(path.read_bytes()))) != strings(known):
        yield f"{language}: {path.name} isn't made from {po(language).name}: make texts"


def _faults(language: str, message: Message) -> Iterator[str]:
    ids = message.id if isinstance(message.id, tuple) else (message.id,)
    strings = message.string if isinstance(message.string, (tuple, list)) else (message.string,)
    if not all(strings):
        yield f"has no translation: fill its `msgstr` in {po(language).relative_to(ROOT)}"
        return
    for string in map(str, strings):
        if gaps(string) != gaps(str(ids[-1])):
            yield f"has other gaps than {string!r}"


def gaps(text: str) -> set[str]:
    """`{name}` of a text; none where its braces are no gaps (`{secret: NAME}` in a text that is never filled)."""
    try:
        return {name for _letters, name, _format, _conversion in Formatter().parse(text) if name}
    except ValueError:
        return set()


def strings(catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """What is said of each text; what has no translation yet stands in no .mo."""
    said = {
        _first(message.id): tuple(message.string)
        if isinstance(message.string, (list, tuple))
        else (message.string or "",)
        for message in catalog
        if message.id
    }
    return {id_: forms for id_, forms in said.items() if all(forms)}


def _first(id_: object) -> str:
    return str(id_[0]) if isinstance(id_, (tuple, list)) else str(id_)


def main() -> int:
    """Write, or check."""
    parser = argparse.ArgumentParser(description="The catalogue of texts for people.")
    parser.add_argument("--check", action="store_true", help="write nothing, and end with 1 when something is amiss")
    given = parser.parse_args()
    if not given.check:
        for language in ("ru", "en"):
            write(language)
    found = [mistake for language in ("ru", "en") for mistake in mistakes(language)]
    for mistake in found:
        sys.stdout.write(f"{mistake}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
