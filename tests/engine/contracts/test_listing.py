"""Walking through a list that comes by pages' numbers while things are made and deleted in it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from svyazka.engine.contracts.listing import Listed, walked, window
from svyazka.engine.contracts.vendor_answers import VendorFailure

MOST = 7


@settings(deadline=None)
@given(st.data())
async def test_whatever_stays_is_brought_once_and_in_order(data: st.DataObject) -> None:
    there = set(data.draw(st.sets(st.integers(1, 90), max_size=60)))
    stays, brought, after = set(there), list[int](), None

    async def read(number: int, length: int) -> Listed:
        listed = sorted(there)
        shown = listed[(number - 1) * length : number * length]
        return Listed([{"id": str(id_)} for id_ in shown], len(listed) > number * length)

    while True:
        found = await walked(after, MOST, read)
        brought += [int(item["id"]) for item in found.items]
        if found.next is None:
            break
        after = found.next
        gone = data.draw(st.sets(st.sampled_from(sorted(there)), max_size=9)) if there else set()
        there.difference_update(gone)
        stays -= gone
        there.update(data.draw(st.sets(st.integers(1, 120), max_size=4)) - gone)
    assert brought == sorted(set(brought))
    assert stays <= set(brought)


@given(st.integers(0, 100_000), st.sampled_from([50, 200, 250]))
def test_a_page_begins_at_the_last_object_seen_or_before_and_is_nearly_all_new(count: int, most: int) -> None:
    number, length = window(count, most)
    begins = (number - 1) * length
    assert length <= most
    assert begins <= max(count - 1, 0) < begins + length
    assert begins + length - count >= most // 2 - 1


async def test_a_list_in_another_order_is_refused_and_not_read_in_part() -> None:
    async def read(number: int, length: int) -> Listed:
        return Listed([{"id": "2"}, {"id": "1"}], False)

    with pytest.raises(VendorFailure) as caught:
        await walked(None, MOST, read)
    assert caught.value.code == "no_order"
