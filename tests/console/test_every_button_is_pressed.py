"""Every form of every page is sent by a test: one that nobody presses fails here, by name.

A button counts as pressed where everything behind it is real: in a hub whole (`*_in_a_whole_hub.py`), with the vendors'
stand-ins over loopback, or in a browser. There it is looked what the stand-ins took, or what the hub answers next.

What a test presses is read from the tests' own text: the labels that `press` and the browser's `has_it_done` and
`by_keyboard` are given, in Russian or in English; of a form without a label of its own, where it is sent to.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import jinja2
import pytest
from jinja2 import nodes

from svyazka.catalogue import told
from svyazka.console.rendering import TEMPLATES

TESTS = Path(__file__).parents[1]
PRESSING = frozenset({"press", "does", "asks", "has_it_done", "by_keyboard", "button"})
SENDING = frozenset({"sent", "post"})
LABEL_AT = {"wish": 3, "typed": 4}
"""Of the macros that make a form: where its button's label stands among what they are given."""


def consts(node: nodes.Node) -> Iterator[str]:
    """The texts that `t("...")` is given within a node."""
    for call in [node, *node.find_all(nodes.Call)]:
        if isinstance(call, nodes.Call) and isinstance(call.node, nodes.Name) and call.node.name == "t":
            (text,) = call.args
            if isinstance(text, nodes.Const):
                yield str(text.value)


def made_by_macros(source: str) -> Iterator[str]:
    for call in jinja2.Environment().parse(source).find_all(nodes.Call):
        name = getattr(call.node, "attr", getattr(call.node, "name", ""))
        if name in LABEL_AT and len(call.args) > LABEL_AT[name]:
            yield from consts(call.args[LABEL_AT[name]])


def made_by_hand(source: str) -> Iterator[str]:
    for form in re.findall(r'<form[^>]*method="post".*?</form>', source, re.DOTALL):
        yield from re.findall(r'<button[^>]*>\{\{ t\("([^"]*)"\) \}\}</button>', form)


def labels_of_cards(source: str) -> Iterator[str]:
    """What `retry`, `release` and `discard` are called: one macro says it."""
    macro = re.search(r"\{% macro label\(.*?%\}(.*?)\{% endmacro %\}", source, re.DOTALL)
    yield from re.findall(r't\("([^"]*)"\)', macro[1] if macro else "")


@cache
def buttons() -> tuple[tuple[str, str], ...]:
    """Template and label, of all that is sent."""
    found = set()
    for path in sorted(TEMPLATES.glob("*.html")):
        source = path.read_text("utf-8")
        for label in (*made_by_macros(source), *made_by_hand(source), *labels_of_cards(source)):
            found.add((path.stem, label))
    return tuple(sorted(found))


def texts(nodes_: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes_:
        for one in ast.walk(node):
            if isinstance(one, ast.Constant) and isinstance(one.value, str):
                yield one.value


def pressed_in(test: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """Labels by the letter; where a label is a name, whatever texts the test goes through."""
    for call in ast.walk(test):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        if name in PRESSING | SENDING:
            yield from texts(call.args)
            if any(isinstance(one, ast.Name | ast.Call | ast.Attribute) for one in call.args):
                yield from texts([*test.decorator_list, *(one for one in ast.walk(test) if isinstance(one, ast.For))])


def checks(test: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether it looks what came of it, itself or through those that do."""
    called = {getattr(one.func, "id", "") for one in ast.walk(test) if isinstance(one, ast.Call)}
    return "until" in called or any(isinstance(one, ast.Assert) for one in ast.walk(test))


WHOLE = ("console/test_*_in_a_whole_hub.py", "site_examples/test_console*.py")
ANYWHERE = ("console/test_*.py", *WHOLE)

NOBODY_OUTSIDE = frozenset({("frame", "Find"), ("payment", "Show"), ("side_by_side", "Show"), ("story", "Show")})
"""Forms that only read what the hub has written down: no vendor can be concerned. What they show, and to whom, is told
of fakes."""


@cache
def pressed(where: tuple[str, ...]) -> frozenset[str]:
    found: set[str] = set()
    for path in sorted({path for one in where for path in TESTS.glob(one)}):
        if path == Path(__file__):
            continue
        for test in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef) and (
                checks(test) or not test.name.startswith("test_")
            ):
                found.update(pressed_in(test))
    return frozenset(found)


def fits(label: str, typed: str) -> bool:
    """Whether what a test typed is this label, with its gaps filled."""
    pattern = re.sub(r"\\\{\w+\\\}", ".+", re.escape(label))
    return re.fullmatch(pattern, typed) is not None


SENT_TO = {"Find": "/search", "Leave": "/leave", "Come in": "button.big", "Show": "why", "Send me a code": "#who"}
"""Forms that tests send by hand: where to, or what they bring."""


@pytest.mark.parametrize(("template", "label"), buttons(), ids=lambda one: one)
def test_a_test_presses_it(template: str, label: str) -> None:
    where = ANYWHERE if (template, label) in NOBODY_OUTSIDE else WHOLE
    if label in SENT_TO:
        assert any(SENT_TO[label] in one for one in pressed(where) | _keys(where))
        return
    spelled = {label, told(label, "ru")}
    assert any(fits(one, typed) for one in spelled for typed in pressed(where)), f"{template}: nobody presses {label!r}"


@cache
def _keys(where: tuple[str, ...]) -> frozenset[str]:
    """Whatever else stands in the tests' texts: selectors and fields."""
    files = {path for one in (*where, "console/visitor.py") for path in TESTS.glob(one)}
    return frozenset(texts(ast.parse(path.read_text("utf-8")) for path in sorted(files)))


def test_only_forms_that_are_there_are_left_out() -> None:
    assert set(buttons()) >= NOBODY_OUTSIDE


def test_they_are_found() -> None:
    assert len(buttons()) > 40
    assert {("parts", "Try now"), ("story", "It was done"), ("sync", "No: as in {name}")} <= set(buttons())
