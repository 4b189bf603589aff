"""amoCRM's form bodies: nested as PHP nests them, and bounded whatever comes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from svyazka.engine.contracts.bracketed import DEPTH_LIMIT, PAIRS_LIMIT, items, parsed
from svyazka.engine.contracts.webhook import NotTheFormat


@pytest.mark.parametrize(
    ("body", "tree"),
    [
        (b"", {}),
        (b"a=1", {"a": "1"}),
        (b"a[b]=1&a[c]=2", {"a": {"b": "1", "c": "2"}}),
        (b"a%5Bb%5D=1", {"a": {"b": "1"}}),
        (b"a[0][id]=1&a[1][id]=2", {"a": {"0": {"id": "1"}, "1": {"id": "2"}}}),
        (b"a=%D0%98%D0%B2%D0%B0%D0%BD+%2B7", {"a": "Иван +7"}),
        (b"a[b]", {"a": {"b": ""}}),
        (b"a[b]=", {"a": {"b": ""}}),
        (b"a[b]=1=2", {"a": {"b": "1=2"}}),
        (b"a=1&a=2", {"a": "2"}),
        (b"a=1&a[b]=2", {"a": {"b": "2"}}),
        (b"a[b]=2&a=1", {"a": "1"}),
        (b"a[b]c=1", {"a": {"b": "1"}}),
        (b"a[b=1", {"a": "1"}),
        (b"&&a=1&", {"a": "1"}),
        (b"a=%ff", {"a": "\ufffd"}),
        (b"a=%zz%", {"a": "%zz%"}),
    ],
)
def test_a_form_is_nested_as_php_nests_it(body: bytes, tree: dict[str, Any]) -> None:
    assert parsed(body) == tree


def test_empty_brackets_take_the_next_place_and_overwrite_nothing() -> None:
    assert items(parsed(b"a[]=x&a[]=y&a[]=z")["a"]) == ["x", "y", "z"]
    assert sorted(map(str, items(parsed(b"a[1]=one&a[]=x")["a"]))) == ["one", "x"]


def test_items_come_in_the_order_of_their_numbers_however_they_were_sent() -> None:
    body = b"&".join(b"a[%d]=%d" % (number, number) for number in (10, 2, 0, 1))
    assert items(parsed(body)["a"]) == ["0", "1", "2", "10"]


def test_a_huge_index_is_a_key_and_never_a_place() -> None:
    tree = parsed(b"a[999999999999999999999999999999][id]=1&a[" + b"9" * 400 + b"]=2")
    assert len(tree["a"]) == 2
    assert items(tree["a"])[0] == {"id": "1"}


@pytest.mark.parametrize(
    "body",
    [
        b"a" + b"[b]" * DEPTH_LIMIT + b"=1",
        b"a" + b"[b]" * 100_000 + b"=1",
        b"a=1&" * (PAIRS_LIMIT + 2),
        b"a[" + b"9" * 5000 + b"]=1",
    ],
    ids=["one too deep", "far too deep", "too many", "a long name"],
)
def test_what_is_beyond_the_limits_is_not_the_format(body: bytes) -> None:
    with pytest.raises(NotTheFormat):
        parsed(body)


@pytest.mark.timeout(60)
def test_the_largest_body_that_is_let_in_costs_no_more_than_its_length() -> None:
    taken = b"&".join(b"a[%d]=" % (PAIRS_LIMIT // 2 + number) for number in range(PAIRS_LIMIT // 2))
    assert len(parsed(taken + b"&a[]=" * 9_000)["a"]) == PAIRS_LIMIT // 2 + 9_000


def depth(tree: object) -> int:
    return 1 + max(map(depth, tree.values()), default=0) if isinstance(tree, dict) else 0


@settings(deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_are_a_bounded_tree_or_not_the_format(body: bytes) -> None:
    try:
        tree = parsed(body)
    except NotTheFormat:
        return
    assert depth(tree) <= DEPTH_LIMIT


NAMES = st.lists(
    st.sampled_from(
        ["leads", "[0]", "[]", "[status]", "[id]", "[9999999999]", "[", "]", "[[", "]]", "=", "&", "%5B", "+"]
    ),
    max_size=30,
).map("".join)


@settings(deadline=None)
@given(st.lists(st.tuples(NAMES, st.text(max_size=5)), max_size=30))
def test_any_nest_of_brackets_is_a_bounded_tree_or_not_the_format(pairs: list[tuple[str, str]]) -> None:
    body = "&".join(f"{name}={value}" for name, value in pairs).encode("utf-8", "replace")
    try:
        tree = parsed(body)
    except NotTheFormat:
        return
    assert depth(tree) <= DEPTH_LIMIT
    for value in tree.values():
        items(value)
