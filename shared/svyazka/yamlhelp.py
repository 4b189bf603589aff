"""What YAML can't read, in words for whoever wrote the file: which line, what is wrong there, what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import yaml

from svyazka.catalogue import N_, _, told

ODD_SPACES = re.compile("[\u00a0\u1680\u2000-\u200f\u2028\u2029\u202f\u205f\u2060\u3000\ufeff]")
"""Spaces that look like spaces and aren't YAML's; text editors and messengers put them in."""

_TAB = re.compile(r"^ *\t")
_KEY = re.compile(r"^\s*(?:- +)*(?P<key>[\w-]+):(?P<gap>\s*)(?P<value>.*)$")
_GLUED = re.compile(r"^\s*(?:- +)*(?P<key>[A-Za-z_][\w-]*):(?=[^\s:/])")
_DASH = re.compile(r"^\s*-(?=[A-Za-z_][\w-]*:)")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|(?<=\s)#.*")
_SPECIAL = "%@`*&!|>"


YAMLS_OWN = (
    N_("could not find expected ':'"), N_("mapping values are not allowed here"),
    N_("expected <block end>, but found {token!r}"), N_("found undefined alias {name!r}"),
    N_("could not determine a constructor for the tag {tag!r}"), N_("but found another document"),
    N_("expected the node content, but found {token!r}"), N_("found unexpected end of stream"),
    N_("did not find expected key"), N_("found unhashable key"),
)  # fmt: skip
"""What YAML says where no guess fits, so that the catalogue knows it."""


class Explained(NamedTuple):
    """A line and what to do about it."""

    line: int | None
    message: str


class _Trouble(NamedTuple):
    """YAML's complaint; lines begin with 0."""

    lines: Sequence[str]
    problem: str
    at: int
    opened: int | None
    """Where that began which was being read."""


def explain(text: str, error: yaml.YAMLError) -> Explained:
    """The likeliest mistake behind a complaint of YAML's."""
    lines = text.splitlines()
    mark, context = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    if mark is None:
        return _of_character(text, error)
    trouble = _Trouble(
        lines, str(getattr(error, "problem", None) or error), min(mark.line, max(len(lines) - 1, 0)),
        context.line if context is not None else None,
    )  # fmt: skip
    found = next(filter(None, (guess(trouble) for guess in _GUESSES)), None)
    return found or Explained(trouble.at + 1, told(trouble.problem))


def odd_space(text: str) -> Explained | None:
    """A space that YAML takes for a letter, where it matters: before a value, or among braces. It may be read all the
    same, as something else. Within a text it is a part of the text."""
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines()):
        bare = _QUOTED.sub(lambda quoted: "x" * len(quoted[0]), line)
        key = _KEY.match(bare)
        begins = key.start("value") if key is not None else len(bare) - len(bare.lstrip())
        found = ODD_SPACES.search(bare, 0, len(bare) if bare[begins : begins + 1] in ("{", "[") else begins)
        if found is not None:
            return Explained(
                number + 1,
                _("a no-break space ({code}) stands here; write a plain space in its place", code=_code(found[0])),
            )
    return None


def _code(character: str) -> str:
    return f"U+{ord(character):04X}"


def _of_character(text: str, error: yaml.YAMLError) -> Explained:
    position = getattr(error, "position", None)
    if not isinstance(position, int) or not isinstance(getattr(error, "character", None), int):
        return Explained(None, str(error))
    line = text.count("\n", 0, position) + 1
    return Explained(
        line, _("a character that can't be seen ({code}) stands here: take it out", code=_code(chr(error.character)))  # type: ignore[attr-defined]
    )  # fmt: skip


def _tab(trouble: _Trouble) -> Explained | None:
    line = next((n for n, line in enumerate(trouble.lines[: trouble.at + 1]) if _TAB.match(line)), None)
    if line is None:
        return None
    return Explained(
        line + 1, _("a tab stands before the text; YAML takes spaces only: write two spaces for each step")
    )


def _open_quote(trouble: _Trouble) -> Explained | None:
    if "end of stream" not in trouble.problem or trouble.opened is None:
        return None
    return Explained(
        trouble.opened + 1, _("a quote opens here and is never closed: write it at the end of the text too")
    )


def _brace(trouble: _Trouble) -> Explained | None:
    """`text: {name}, hello`: a brace begins a map."""
    line = _KEY.match(trouble.lines[trouble.at])
    if line is None or not line["value"].startswith(("{", "[")):
        return None
    opening = line["value"][0]
    rest = line["value"].partition("}" if opening == "{" else "]")[2]
    if not rest.strip("]} "):
        return None
    message = _(
        'a text that begins with {opening} goes in quotes: {key}: "{opening}..."', opening=opening, key=line["key"]
    )
    return Explained(trouble.at + 1, message)


def _open_bracket(trouble: _Trouble) -> Explained | None:
    wanted = re.match(r"expected ',' or '([\]}])'", trouble.problem)
    if wanted is None or trouble.opened is None:
        return None
    opening = "[" if wanted[1] == "]" else "{"
    message = _("{opening} opens here and isn't closed: write {closing}", opening=opening, closing=wanted[1])
    return Explained(trouble.opened + 1, message)


def _special(trouble: _Trouble) -> Explained | None:
    line = _KEY.match(trouble.lines[trouble.at])
    if line is None or line["value"][:1] not in tuple(_SPECIAL):
        return None
    message = _(
        'a text that begins with {opening} goes in quotes: {key}: "{opening}..."',
        opening=line["value"][0],
        key=line["key"],
    )
    return Explained(trouble.at + 1, message)


def _inner_quotes(trouble: _Trouble) -> Explained | None:
    line = _KEY.match(trouble.lines[trouble.at])
    if line is None or not line["value"].startswith('"') or line["value"].count('"') < 3:
        return None
    message = _("quotes within quotes: write «...» inside, or put the whole text between ' and '")
    return Explained(trouble.at + 1, message)


def _colon(trouble: _Trouble) -> Explained | None:
    """`name: Coffee: the best`."""
    line = _KEY.match(trouble.lines[trouble.at])
    if "mapping values" not in trouble.problem or line is None or not re.search(r":(\s|$)", line["value"]):
        return None
    return Explained(trouble.at + 1, _('a text with a colon in it goes in quotes: {key}: "..."', key=line["key"]))


def _glued(trouble: _Trouble) -> Explained | None:
    """`name:Coffee`, `-flow: x`."""
    for number in range(trouble.at, max(trouble.at - 3, -1), -1):
        line = trouble.lines[number]
        glued = _GLUED.match(line)
        if glued is not None:
            return Explained(number + 1, _("a space belongs after the colon: {key}: ...", key=glued["key"]))
        if _DASH.match(line):
            return Explained(
                number + 1, _("a space belongs after the dash: - {key}", key=line.strip(" -").split(":")[0])
            )
    return None


def _indent(trouble: _Trouble) -> Explained | None:
    """One level, one column."""
    line = trouble.lines[trouble.at]
    own = len(line) - len(line.lstrip(" "))
    for before in reversed(trouble.lines[: trouble.at]):
        if before.strip() and not before.lstrip().startswith("#"):
            column = len(before) - len(before.lstrip(" "))
            message = _(
                "it begins {own} space(s) in, the line before {column}: lines of one level begin in one column, "
                "and what belongs to a line stands two spaces further in under it",
                own=own, column=column,
            )  # fmt: skip
            return Explained(trouble.at + 1, message) if own != column else None
    return None


_GUESSES: Sequence[Callable[[_Trouble], Explained | None]] = (
    _tab, _open_quote, _open_bracket, _brace, _inner_quotes, _special, _colon, _glued, _indent,
)  # fmt: skip
