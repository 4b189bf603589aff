"""Is what one client wrote the very same document to the other?"""

from __future__ import annotations

import base64
import random

import pytest

from conformance.documents import bare, content, filled
from svyazka.backends.google import codec
from svyazka.engine.journal.kinds import KINDS
from svyazka.engine.ports.store import Create, Put, Replace

NOISE = base64.b64encode(random.Random(3).randbytes(400_000))
DATA = [b"{}", '{"текст":"☕"}'.encode(), b'{"body":"' + NOISE + b'"}', b'{"body":"' + b"\\u0001" * 500_000 + b'"}']


@pytest.mark.parametrize("kind", KINDS)
async def test_what_rest_wrote_the_official_client_reads(google, kind):
    given = filled(kind)
    assert await google.documents.create([given]) == [0]
    assert content(await google.store.get(kind, "a")) == content(given)


@pytest.mark.parametrize("kind", KINDS)
async def test_and_the_reverse_down_to_the_version(google, kind):
    (version,) = await google.store.commit([Create(filled(kind))])
    found = await google.documents.read([(kind, "a")])
    assert found == {(kind, "a"): await google.store.get(kind, "a")}
    assert found[(kind, "a")].version == version


@pytest.mark.parametrize("data", DATA, ids=["small", "unicode", "noise", "blown up"])
async def test_data_of_every_size_both_ways(google, data):
    await google.documents.create([bare("raws", "rest", data)])
    await google.store.commit([Create(bare("raws", "grpc", data))])
    rest = await google.documents.read([("raws", "rest"), ("raws", "grpc")])
    grpc = await google.store.get_many([("raws", "rest"), ("raws", "grpc")])
    assert [document.data for document in [*rest.values(), *grpc]] == [data] * 4


@pytest.mark.parametrize("key", ["kofe.till", "contact:7/9", "50%2F", "..", "__id__", "ключ ☕"])
async def test_ids_of_any_text_both_ways(google, key):
    await google.documents.create([bare("lanes", key)])
    await google.store.commit([Put(bare("lanes", f"{key}2"))])
    assert (await google.store.get("lanes", key)).id == key
    assert set(await google.documents.read([("lanes", key), ("lanes", f"{key}2")])) == {
        ("lanes", key),
        ("lanes", f"{key}2"),
    }


async def test_a_version_that_rest_read_serves_the_official_client(google):
    await google.documents.create([bare("events", "a", b"1")])
    version = (await google.documents.read([("events", "a")]))[("events", "a")].version
    await google.store.commit([Replace(bare("events", "a", b"2", version))])
    assert (await google.store.get("events", "a")).data == b"2"


async def test_rest_creates_nothing_over_what_the_official_client_wrote(google):
    await google.store.commit([Create(bare("events", "a", b"1"))])
    assert await google.documents.create([bare("events", "a", b"2"), bare("events", "b")]) == [6, 0]
    assert (await google.store.get("events", "a")).data == b"1"


# The form


def test_json_is_read_as_it_was_written():
    stored = codec.stored(filled("events", data=b'{"a":1}'), stamp=7)
    back = codec.from_json(codec.to_json(stored))
    assert codec.restored("events", "a", back, "v") == codec.restored("events", "a", stored, "v")
    assert back == stored


def test_null_is_not_stored_and_only_what_the_kind_has_is():
    given = bare("events", "a", tenant="kofe", wake_at=None, people=())
    given = type(given)("events", "a", {**given.fields, "stranger": "x"}, given.data)
    assert set(codec.stored(given, 1)) == {"tenant", "people", "data", "stamp"}


def test_of_a_kind_that_only_the_worker_knows_a_function_is_told_the_data() -> None:
    """The front door looks what became of a call, and the worker's kinds aren't in its bundle."""
    found = codec.restored("of_the_worker", "a", {"data": b'{"status":"succeeded"}', "tenant": "kofe"}, "v")
    assert (found.data, found.version, found.fields) == (b'{"status":"succeeded"}', "v", {})


@pytest.mark.parametrize("size", [10, codec.COMPRESS_FROM - 1, codec.COMPRESS_FROM, 700_000])
def test_only_what_is_large_is_compressed(size):
    data = b'"' + b"a" * (size - 2) + b'"'
    packed = codec.packed(data)
    assert (packed == data) is (size < codec.COMPRESS_FROM)
    assert codec.unpacked(packed) == data


def test_the_largest_raw_request_fits_a_document():
    """512 KiB of bytes that are no text, kept as base64: the worst that can come in."""
    body = base64.b64encode(random.Random(4).randbytes(512 * 1024))
    assert len(codec.packed(b'{"body":"' + body + b'"}')) < 1024 * 1024 - 64 * 1024


def test_no_two_writes_are_equal():
    assert len({codec.new_stamp() for _ in range(1000)}) == 1000
