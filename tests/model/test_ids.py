"""The same facts give the same id everywhere and for ever; different facts never share one."""

from __future__ import annotations

from hypothesis import assume, example, given
from hypothesis import strategies as st

from svyazka.model.ids import connection_id, delivery_id, event_id, stable_id

ANY_TEXT = st.text(st.characters(), max_size=20)
PARTS = st.lists(ANY_TEXT, max_size=4)


def test_ids_that_were_given_out_stay_what_they_are() -> None:
    """A change of these would journal every fact anew and send every message again."""
    assert event_id("kofe", "till", "order", "17", "done") == "evt_41066a105358253dafb98459af96cd43"
    assert delivery_id("kofe", "review_request", "order:17", "review/sms") == "dlv_30ee52b0f8b39da5b336eb5c0d02230f"
    assert connection_id("kofe", "till") == "kofe.till"


@given(PARTS)
@example(["\ud800"])
def test_an_id_is_the_same_at_every_repeat_and_has_128_bits(parts: list[str]) -> None:
    made = stable_id("x", *parts)
    assert made == stable_id("x", *parts)
    prefix, _, digits = made.partition("_")
    assert (prefix, len(digits)) == ("x", 32)
    assert int(digits, 16) >= 0


@given(PARTS, PARTS)
@example(["a", "b"], ["a,b"])
@example(['a","b'], ["a", "b"])
def test_different_parts_never_make_the_same_id(one: list[str], other: list[str]) -> None:
    assume(one != other)
    assert stable_id("x", *one) != stable_id("x", *other)


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_where_one_part_ends_and_the_next_begins_matters(one: str, two: str, three: str) -> None:
    assume(two)
    assert stable_id("x", one + two, three) != stable_id("x", one, two + three)
    assert stable_id("x", one, two) != stable_id("x", one + two)


def test_an_event_and_a_delivery_of_the_same_words_differ() -> None:
    assert event_id("a", "b", "c", "d") != delivery_id("a", "b", "c", "d")
