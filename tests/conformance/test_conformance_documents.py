"""Does a store keep what it is given, whole, and change it only under the conditions that it was told?"""

from __future__ import annotations

import base64
import random
from datetime import UTC, datetime, timedelta, timezone

import pytest

from conformance.documents import T0, TEXT, bare, content, filled
from svyazka.engine.journal.kinds import KINDS
from svyazka.engine.ports.store import COMMIT_MOST, Create, Delete, Put, Replace
from svyazka.model.errors import Conflict

# Keeping


async def test_every_field_of_every_kind_comes_back(store):
    for kind in KINDS:
        given = filled(kind)
        await store.commit([Create(given)])
        assert content(await store.get(kind, "a")) == content(given), kind


@pytest.mark.parametrize("data", [b"x", b"xA9-a-key", b"x\x9c", b"\x00", b""])
async def test_what_is_no_json_comes_back_byte_for_byte(store, data):
    given = type(filled("meta"))("meta", "a", {}, data)
    await store.commit([Put(given)])
    assert (await store.get("meta", "a")).data == data


async def test_fields_that_are_null_or_left_out_come_back_as_null(store):
    for kind in KINDS:
        given = filled(kind)
        await store.commit([Create(bare(kind, "null")), Create(type(given)(kind, "out", {}, b"{}"))])
        for key in ("null", "out"):
            assert content(await store.get(kind, key)) == (dict.fromkeys(KINDS[kind].fields), b"{}"), kind


async def test_times_keep_their_microseconds_and_come_back_in_utc(store):
    for microsecond in (0, 1, 500_000, 999_999):
        moment = T0.replace(microsecond=microsecond)
        await store.commit([Put(bare("events", "a", wake_at=moment))])
        found = (await store.get("events", "a")).fields["wake_at"]
        assert found == moment
        assert found.utcoffset() == timedelta(0)


async def test_a_time_of_another_zone_is_the_same_moment(store):
    moscow = T0.astimezone(timezone(timedelta(hours=3)))
    await store.commit([Create(bare("events", "a", wake_at=moscow))])
    assert (await store.get("events", "a")).fields["wake_at"] == T0


async def test_times_before_1970_and_far_ahead(store):
    for moment in (datetime(1965, 1, 2, 3, 4, 5, 678901, UTC), datetime(2999, 12, 31, 23, 59, 59, 999999, UTC)):
        await store.commit([Put(bare("events", "a", wake_at=moment))])
        assert (await store.get("events", "a")).fields["wake_at"] == moment


async def test_ids_are_found_by_their_beginning_in_order(store):
    keys = ["evt_1", "evt_12", "evt_12a", "evt_13", "evt_2", "evt_я", "dlv_12", "a/12", "%12"]
    await store.commit([Create(bare("events", key)) for key in keys] + [Create(bare("raws", "evt_12"))])
    for prefix, found in {
        "evt_12": ["evt_12", "evt_12a"], "evt_1": ["evt_1", "evt_12", "evt_12a", "evt_13"], "evt_12b": [],
        "evt_я": ["evt_я"], "a/": ["a/12"], "%": ["%12"], "evt": [*keys[:5], "evt_я"],
    }.items():  # fmt: skip
        assert await store.ids("events", prefix) == found
    assert await store.ids("events", "evt_", limit=2) == ["evt_1", "evt_12"]


async def test_lists_keep_their_order_and_an_empty_one_is_not_null(store):
    await store.commit([Create(bare("events", "a", people=("b", "a", "b"))), Create(bare("events", "b", people=()))])
    assert [tuple(d.fields["people"]) for d in await store.get_many([("events", "a"), ("events", "b")])] == [
        ("b", "a", "b"),
        (),
    ]


async def test_data_comes_back_to_the_byte(store):
    """600 KB of what hardly compresses: a vendor's largest body, as base64 within JSON."""
    for size in (1, 65_535, 65_536, 600_000):
        noise = base64.b64encode(random.Random(size).randbytes(size))[:size]
        data = b'{"body":"' + noise + b'"}'
        await store.commit([Create(bare("raws", f"of-{size}", data))])
        assert (await store.get("raws", f"of-{size}")).data == data, size


async def test_data_that_json_has_blown_up_to_megabytes(store):
    data = b'{"body":"' + b"\\u0001" * 512 * 1024 + b'"}'
    await store.commit([Create(bare("raws", "a", data))])
    assert (await store.get("raws", "a")).data == data


async def test_data_is_any_utf8(store):
    data = f'{{"text":"{TEXT}"}}'.encode()
    await store.commit([Create(bare("events", "a", data))])
    assert (await store.get("events", "a")).data == data


async def test_ids_of_any_text(store):
    for key in ("kofe.till", "contact:7/9", "50%2F", "..", "__id__", "ключ ☕", "a" * 400):
        await store.commit([Create(bare("lanes", key, delivery=key))])
        assert (await store.get("lanes", key)).id == key
        with pytest.raises(Conflict):
            await store.commit([Create(bare("lanes", key))])


async def test_kinds_are_apart(store):
    await store.commit([Create(filled("events", "same"))])
    assert await store.get("raws", "same") is None


# Reading several


async def test_several_come_in_the_order_asked_and_what_is_missing_is_none(store):
    await store.commit([Create(bare("events", key)) for key in "abc"] + [Create(bare("raws", "a"))])
    asked = [("events", "c"), ("events", "zzz"), ("raws", "a"), ("events", "a"), ("events", "c"), ("raws", "b")]
    found = await store.get_many(asked)
    assert [d and d.key for d in found] == [asked[0], None, asked[2], asked[3], asked[4], None]


async def test_none_of_none(store):
    assert await store.get_many([]) == []


# How much one commit takes


async def test_a_commit_takes_so_many_documents_and_of_one_more_writes_none(store):
    most = [Create(bare("raws", f"r{n}")) for n in range(COMMIT_MOST)]
    with pytest.raises(ValueError, match="split it"):
        await store.commit([*most, Create(bare("events", "one too many"))])
    assert await store.get_many([("raws", "r0"), ("events", "one too many")]) == [None, None]
    assert len(await store.commit(most)) == COMMIT_MOST


# Conditions


async def test_what_exists_is_not_created_again(store):
    await store.commit([Create(bare("events", "a", b'"first"'))])
    with pytest.raises(Conflict) as refused:
        await store.commit([Create(bare("events", "a", b'"second"'))])
    assert refused.value.keys == [("events", "a")]
    assert (await store.get("events", "a")).data == b'"first"'


async def test_a_document_is_replaced_over_the_version_that_was_read(store):
    await store.commit([Create(bare("events", "a", b"1"))])
    read = await store.get("events", "a")
    await store.commit([Replace(bare("events", "a", b"2", read.version))])
    now = await store.get("events", "a")
    assert (now.data, now.version != read.version) == (b"2", True)


async def test_over_any_other_it_is_not(store):
    await store.commit([Create(bare("events", "a", b"1"))])
    stale = (await store.get("events", "a")).version
    await store.commit([Replace(bare("events", "a", b"2", stale))])
    with pytest.raises(Conflict) as refused:
        await store.commit([Replace(bare("events", "a", b"3", stale))])
    assert refused.value.keys == [("events", "a")]
    assert (await store.get("events", "a")).data == b"2"


async def test_what_was_never_read_is_not_replaced(store):
    await store.commit([Create(bare("events", "a"))])
    with pytest.raises(Conflict):
        await store.commit([Replace(bare("events", "a", b"2", None))])


async def test_what_is_gone_is_not_replaced(store):
    await store.commit([Create(bare("events", "a"))])
    version = (await store.get("events", "a")).version
    await store.commit([Delete("events", "a")])
    with pytest.raises(Conflict) as refused:
        await store.commit([Replace(bare("events", "a", b"2", version))])
    assert refused.value.keys == [("events", "a")]
    assert await store.get("events", "a") is None


async def test_what_went_and_came_back_is_not_what_was_read(store):
    await store.commit([Create(bare("events", "a"))])
    version = (await store.get("events", "a")).version
    await store.commit([Delete("events", "a")])
    await store.commit([Create(bare("events", "a"))])
    with pytest.raises(Conflict):
        await store.commit([Replace(bare("events", "a", b"2", version))])


async def test_an_equal_replacement_is_a_change_too(store):
    """Two workers that write the very same claim: one of them has it."""
    await store.commit([Create(bare("events", "a", b"1"))])
    version = (await store.get("events", "a")).version
    await store.commit([Replace(bare("events", "a", b"1", version))])
    with pytest.raises(Conflict):
        await store.commit([Replace(bare("events", "a", b"1", version))])


async def test_a_replacement_leaves_nothing_of_what_was(store):
    await store.commit([Create(filled("events"))])
    version = (await store.get("events", "a")).version
    await store.commit([Replace(bare("events", "a", b"2", version, tenant="kofe"))])
    fields, data = content(await store.get("events", "a"))
    assert ({name for name, value in fields.items() if value is not None}, data) == ({"tenant"}, b"2")


async def test_put_writes_whatever_was_there(store):
    await store.commit([Put(filled("events"))])
    first = (await store.get("events", "a")).version
    await store.commit([Put(bare("events", "a", b"2", "no such version", tenant="kofe"))])
    now = await store.get("events", "a")
    assert (now.data, now.fields["connection"], now.version != first) == (b"2", None, True)


async def test_deleting_needs_nothing_to_be_there(store):
    await store.commit([Delete("events", "a")])
    await store.commit([Create(bare("events", "a"))])
    await store.commit([Delete("events", "a")])
    assert await store.get("events", "a") is None


async def test_deleting_one_version_leaves_another(store):
    await store.commit([Create(bare("events", "a", b"1"))])
    first = (await store.get("events", "a")).version
    await store.commit([Replace(bare("events", "a", b"2", first))])
    with pytest.raises(Conflict) as refused:
        await store.commit([Delete("events", "a", first)])
    assert refused.value.keys == [("events", "a")]
    second = (await store.get("events", "a")).version
    await store.commit([Delete("events", "a", second)])
    assert await store.get("events", "a") is None
    with pytest.raises(Conflict):
        await store.commit([Delete("events", "a", second)])


# Together


async def test_all_writes_or_none(store):
    await store.commit([Create(bare("events", "there", b"1")), Create(bare("events", "going"))])
    with pytest.raises(Conflict):
        await store.commit(
            [
                Create(bare("events", "new")),
                Put(bare("deliveries", "put")),
                Delete("events", "going"),
                Create(bare("events", "there", b"2")),
            ]
        )
    asked = [("events", "new"), ("deliveries", "put"), ("events", "going"), ("events", "there")]
    found = await store.get_many(asked)
    assert [d and d.data for d in found] == [None, None, b"{}", b"1"]


async def test_a_conflict_names_every_key_at_fault_and_no_other(store):
    await store.commit([Create(bare("events", key)) for key in "abcd"])
    found = await store.get_many([("events", key) for key in "abcd"])
    a, b, c, d = (document.version for document in found)
    await store.commit([Replace(bare("events", "b", b"2", b)), Delete("events", "d")])
    with pytest.raises(Conflict) as refused:
        await store.commit(
            [
                Replace(bare("events", "a", b"3", a)),
                Replace(bare("events", "b", b"3", b)),
                Create(bare("events", "c")),
                Delete("events", "d", d),
                Create(bare("events", "e")),
                Put(bare("events", "f")),
            ]
        )
    assert sorted(refused.value.keys) == [("events", "b"), ("events", "c"), ("events", "d")]
    assert c == (await store.get("events", "c")).version


async def test_versions_come_back_in_the_order_of_the_writes(store):
    await store.commit([Create(bare("events", "gone"))])
    versions = await store.commit(
        [Create(bare("events", "a")), Delete("events", "gone"), Put(bare("events", "b")), Create(bare("raws", "a"))]
    )
    found = await store.get_many([("events", "a"), ("events", "b"), ("raws", "a")])
    assert versions == [found[0].version, "", found[1].version, found[2].version]


async def test_a_version_that_came_back_serves_for_the_next_change(store):
    (version,) = await store.commit([Create(bare("events", "a"))])
    for number in range(5):
        (version,) = await store.commit([Replace(bare("events", "a", b"%d" % number, version))])
    assert (await store.get("events", "a")).data == b"4"


async def test_a_commit_of_nothing(store):
    assert await store.commit([]) == []
