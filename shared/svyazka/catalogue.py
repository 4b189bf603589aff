"""Texts for people, one language at a time: Russian or English, out of one catalogue (gettext, `locale/`).

A text stands in the code in the language in which it is stored and logged: English, or Russian where it goes to a
business. The command line chooses the reader's language; all other processes stay with the text as it stands, so that
the journal and the logs read alike whoever starts them. `--json` chooses English for the same reason.

Nothing is imported before a text is asked for in another language: webhook functions may import this module (`N_`), and
never import gettext through it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import re
    from gettext import NullTranslations

Language = Literal["en", "ru"]
LANGUAGES: tuple[Language, ...] = ("en", "ru")
DOMAIN = "svyazka"
LOCALE = Path(__file__).parent / "locale"

ASKED = ("SVYAZKA_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
"""The variables that say which language a person reads; the first that is set decides."""

_SHORTEST = 8
"""Fixed letters that a text with gaps needs to be recognised by `told`."""

_OPENING = 5
"""So many are enough where they open it: `flow {id}`."""

_reader: Language | None = None


def wanted(environment: Mapping[str, str]) -> Language:
    """The language that the environment asks for; English for any that we don't speak."""
    asked = next((environment[name] for name in ASKED if environment.get(name)), "")
    return "ru" if asked.casefold().startswith("ru") else "en"


def use(language: Language | None) -> None:
    """Speak this language from now on; None: each text as it stands in the code."""
    global _reader
    _reader = language


def reader() -> Language:
    """The language of whoever reads what this process prints."""
    return _reader or "en"


def N_(text: str) -> str:  # noqa: N802
    """Mark a text for the catalogue where it is defined; it is said in somebody's language later, by `told`."""
    return text


def _(text: str, /, **values: object) -> str:
    """A text in the reader's language, with its gaps `{name}` filled."""
    said = _catalogue(_reader).gettext(text) if _reader else text
    return said.format(**values) if values else said


def ngettext(one: str, many: str, count: int, /, **values: object) -> str:
    """A text that counts; `{count}` is filled as well."""
    said = _catalogue(_reader).ngettext(one, many, count) if _reader else one if count == 1 else many
    return said.format(count=count, **values)


def said(text: str, /, language: Language, **values: object) -> str:
    """A text in a language that is given, with its gaps filled: where one process speaks to several readers."""
    found = _catalogue(language).gettext(text)
    return found.format(**values) if values else found


def counted(one: str, many: str, count: int, /, language: Language, **values: object) -> str:
    """The same of a text that counts; `{count}` is filled as well."""
    return _catalogue(language).ngettext(one, many, count).format(count=count, **values)


def told(text: str, language: Language | None = None) -> str:
    """A text that was stored or defined with its gaps filled, in the reader's language, or another; what the catalogue
    doesn't know (a vendor's own words) stays as it is."""
    language = language or _reader
    return text if language is None or not text else _told(text, language)


@lru_cache(maxsize=1024)
def _told(text: str, language: Language) -> str:
    """A list says the same hundreds of times, and to look through all that has gaps takes a millisecond."""
    said = _catalogue(language).gettext(text)
    if said != text:
        return said
    for form, known, typed in _forms(language):
        match = form.fullmatch(text)
        if match:
            parts = {
                name: _Part(value if name in typed else told(value, language))
                for name, value in match.groupdict().items()
            }
            return _catalogue(language).gettext(known).format(**parts)
    return text


STATES = (
    N_("pending"), N_("waiting_for"), N_("in_flight"), N_("retrying"), N_("parked"), N_("blocked"), N_("unknown"),
    N_("succeeded"), N_("failed"), N_("expired"), N_("cancelled"), N_("dead"), N_("accepted"), N_("planned"),
    N_("ignored"), N_("quarantined"), N_("sent"), N_("delivered"), N_("read"), N_("undelivered"), N_("open"),
    N_("mended"), N_("flapping"), N_("closed"), N_("folded"), N_("fail"), N_("warn"), N_("reopened"), N_("parsed"),
    N_("skipped"), N_("refused"),
)  # fmt: skip
"""What a state, or a receipt, is called where a person reads it; scripts and `--status` say it as it stands here."""


SYSTEMS_OWN = (
    N_("No such file or directory"), N_("Permission denied"), N_("Is a directory"), N_("Not a directory"),
    N_("Address already in use"), N_("No space left on device"), N_("Read-only file system"),
)  # fmt: skip
"""What the system says of files and ports, so that the catalogue knows it."""


def systems(error: OSError) -> str:
    """The system's own words for what went wrong, in the reader's language."""
    return told(error.strerror or str(error))


class _Part(str):
    """What stood in a gap, as it was written: `{last:%H:%M}` isn't applied to it a second time."""

    def __format__(self, spec: str) -> str:
        return str(self)


@cache
def _catalogue(language: Language) -> NullTranslations:
    from gettext import translation

    return translation(DOMAIN, LOCALE, [language], fallback=True)


@cache
def _forms(language: Language) -> list[tuple[re.Pattern[str], str, frozenset[str]]]:
    """Every text with gaps as a pattern, the one with most fixed letters first; and which gaps hold what somebody has
    typed (`{name!r}`), which is shown as it is."""
    import re
    from string import Formatter

    found = []
    for known in getattr(_catalogue(language), "_catalog", {}):
        if not isinstance(known, str) or "{" not in known:
            continue
        pattern, fixed, seen, typed, opening = "", 0, set(), set(), known.index("{")
        for letters, name, _format, conversion in Formatter().parse(known):
            pattern, fixed = pattern + re.escape(letters), fixed + len(letters)
            if name:
                gap = f"(?P={name})" if name in seen else f"(?P<{name}>.*?)"
                pattern += f"'{gap}'" if conversion == "r" else gap
                seen.add(name)
                typed |= {name} if conversion == "r" else set()
        if (fixed >= _SHORTEST or opening >= _OPENING) and seen:
            found.append((fixed, re.compile(pattern, re.DOTALL), known, frozenset(typed)))
    return [(form, known, typed) for _fixed, form, known, typed in sorted(found, key=lambda one: -one[0])]


__all__ = [
    "LANGUAGES",
    "LOCALE",
    "N_",
    "Language",
    "_",
    "counted",
    "ngettext",
    "reader",
    "said",
    "systems",
    "told",
    "use",
    "wanted",
]
