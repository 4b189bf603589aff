"""What sms.ru's callbacks mean in our words, and who may send them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.support import posted
from svyazka.connectors.smsru.schema import Callback
from svyazka.connectors.smsru.webhook import WEBHOOK
from svyazka.engine.contracts.webhook import Inbound, NotTheFormat
from svyazka.model.events import EventType, Fact, ReceiptState, Unreadable

SAMPLES = Path(__file__).parents[2] / "samples" / "smsru"
KEY = "00000000-AAAA-BBBB-CCCC-000000000001"
OURS = Inbound({}, {"api_id": KEY})
NOTHING = Inbound({}, {})

S, E = ReceiptState, EventType


def sample(name: str) -> bytes:
    return (SAMPLES / f"webhook_{name}.form").read_bytes()


def form(*records: str | bytes, key: str = KEY, order: Sequence[int] | None = None) -> bytes:
    """A callback of these records, signed; `order`: in which of them the fields stand in the body."""
    raw = [record.encode() if isinstance(record, str) else record for record in records]
    fields: list[tuple[str, str | bytes]] = [(f"data[{n}]", raw[n]) for n in order or range(len(raw))]
    return urlencode([*fields, ("hash", sha256(key.encode() + b"".join(raw)).hexdigest())]).encode()


def verdict(body: bytes, inbound: Inbound = OURS) -> str | None:
    return WEBHOOK.verify(posted(body), inbound)


def parse(body: bytes) -> list[Fact | Unreadable]:
    return WEBHOOK.parse(posted(body), NOTHING)


def one(*records: str) -> Fact:
    (fact,) = parse(form(*records))
    assert isinstance(fact, Fact), fact
    return fact


# The samples


def test_the_batch_of_the_samples_is_three_receipts() -> None:
    assert verdict(sample("status_batch")) is None
    facts = parse(sample("status_batch"))
    told = [(fact.type, fact.subject, fact.receipt and fact.receipt.state) for fact in facts if isinstance(fact, Fact)]
    assert told == [
        (E.MESSAGE_SENT, "message:202626-1000001", S.SENT),
        (E.MESSAGE_DELIVERED, "message:202626-1000002", S.DELIVERED),
        (E.MESSAGE_FAILED, "message:202626-1000004", S.UNDELIVERED),
    ]
    first = facts[0]
    assert isinstance(first, Fact)
    assert first.occurred_at == datetime(2025, 11, 21, 4, 40, tzinfo=UTC)
    assert first.receipt is not None
    assert first.receipt.external_id == "202626-1000001"


def test_the_heartbeat_of_the_samples_is_kept_and_ignored_with_its_time() -> None:
    assert verdict(sample("test")) is None
    (fact,) = parse(sample("test"))
    assert isinstance(fact, Fact)
    assert fact.ignored is not None
    assert "heartbeat" in fact.ignored
    assert fact.occurred_at == datetime(2025, 11, 21, 4, 41, 40, tzinfo=UTC)


def test_a_call_check_mixed_with_a_heartbeat_is_kept_and_ignored() -> None:
    assert verdict(sample("heartbeat_and_callcheck")) is None
    facts = parse(sample("heartbeat_and_callcheck"))
    assert [isinstance(fact, Fact) and fact.ignored is not None for fact in facts] == [True, True]
    assert [fact.key for fact in facts] == [("test", "1763700100"), ("callcheck_status", "202626-2000001", "401")]


def test_the_forged_sample_is_refused() -> None:
    assert verdict(sample("bad_hash")) is not None


# The hash


def test_records_are_signed_in_the_order_of_their_numbers_with_10_after_9() -> None:
    records = [f"sms_status\n202626-{n}\n103\n1763700000" for n in range(12)]
    order = [1, 10, 11, 0, 2, 3, 4, 5, 9, 8, 7, 6]
    body = form(*records, order=order)
    assert verdict(body) is None
    assert [fact.key[1] for fact in parse(body) if fact.key] == [f"202626-{n}" for n in range(12)]


@pytest.mark.parametrize(
    "record",
    ["sms_status\r\n1-1\r\n103\r\n5", "new\nЖдём + вас & = % «»", " padded \n", b"bin\n\xff\xfe\x00", ""],
)
def test_the_hash_is_taken_over_the_untouched_bytes(record: str | bytes) -> None:
    assert verdict(form(record)) is None
    assert verdict(form(record, "test\n1")) is None


def test_a_changed_record_a_dropped_one_and_another_accounts_hash_are_refused() -> None:
    body = form("sms_status\n1-1\n103\n5", "test\n1")
    assert verdict(body.replace(b"103", b"104")) is not None
    assert verdict(body.replace(b"data%5B1%5D=test%0A1&", b"")) is not None
    assert verdict(form("test\n1", key="another")) is not None


@pytest.mark.parametrize(
    "hash_", [b"", b"hash=", b"hash=%D0%B6", b"hash=" + sha256(KEY.encode()).hexdigest().upper().encode()]
)
def test_a_missing_or_strange_hash_is_refused_and_the_key_not_quoted(hash_: bytes) -> None:
    reason = verdict(b"data%5B0%5D=&" + hash_)
    assert reason is not None
    assert KEY not in reason


def test_a_connection_without_its_key_lets_nobody_in() -> None:
    body = form("test\n1", key="")
    assert verdict(body, NOTHING) is not None
    assert verdict(body, Inbound({}, {"api_id": ""})) is not None


def test_the_body_answered_is_exactly_100() -> None:
    answer = WEBHOOK.answer(posted(sample("test")), parse(sample("test")))
    assert answer is not None
    assert (answer.status, answer.body) == (200, b"100")
    assert not WEBHOOK.tolerates_400, "a 400 would bring the same body back every minute for 5 days"


# Records


@pytest.mark.parametrize(
    ("code", "type_", "state"),
    [
        (100, E.MESSAGE_SENT, S.SENT), (101, E.MESSAGE_SENT, S.SENT), (102, E.MESSAGE_SENT, S.SENT),
        (103, E.MESSAGE_DELIVERED, S.DELIVERED), (110, E.MESSAGE_READ, S.READ),
        *[(code, E.MESSAGE_FAILED, S.UNDELIVERED) for code in (104, 105, 106, 107, 108, 150, 202, 204, 207)],
        (120, E.MESSAGE_SENT, S.SENT),
    ],
)  # fmt: skip
def test_each_status_is_a_receipt(code: int, type_: EventType, state: ReceiptState) -> None:
    fact = one(f"sms_status\n202626-1000001\n{code}\n1763700000")
    assert fact.type is type_
    assert fact.key == ("sms_status", "202626-1000001", str(code))
    assert fact.receipt is not None
    assert (fact.receipt.state, fact.receipt.code, fact.receipt.opt_out) == (state, str(code), False)


@pytest.mark.parametrize("code", [209, 215])
def test_a_number_in_a_stop_list_is_an_opt_out(code: int) -> None:
    receipt = one(f"sms_status\n1-1\n{code}\n5").receipt
    assert receipt is not None
    assert receipt.opt_out


@pytest.mark.parametrize("code", [-1, 0, 500, 999])
def test_a_code_that_is_no_status_is_kept_and_moves_nothing(code: int) -> None:
    fact = one(f"sms_status\n1-1\n{code}\n5")
    assert fact.receipt is None
    assert fact.ignored is not None
    assert str(code) in fact.ignored


def test_a_status_is_the_same_fact_at_whatever_time_and_in_whatever_batch_it_comes() -> None:
    first = one("sms_status\n1-1\n103\n5")
    again = parse(form("test\n9", "sms_status\n1-1\n103\n6", "sms_status\n1-1\n102\n5"))
    assert first.key == again[1].key
    assert first.key != again[2].key


def test_further_lines_and_a_missing_time_do_not_matter() -> None:
    assert one("sms_status\n1-1\n103\n5\nmore\nand more").key == ("sms_status", "1-1", "103")
    assert one("sms_status\n1-1\n103").occurred_at is None
    assert one("sms_status\r\n1-1\r\n103\r\n1773500000\r\n").occurred_at == datetime.fromtimestamp(1773500000, UTC)
    assert one("sms_status\r\n1-1\r\n103\r\n5\r\n").occurred_at is None, "the beginning of time is no time"


def test_an_unknown_record_is_kept_ignored_and_known_again() -> None:
    first, second = one("sms_incoming\n1\n2"), one("sms_incoming\n1\n3")
    assert first.ignored is not None
    assert "sms_incoming" in first.ignored
    assert first.key == one("sms_incoming\n1\n2").key != second.key


@pytest.mark.parametrize(
    "record",
    [
        "sms_status", "sms_status\n\n103\n5", "sms_status\n1-1", "sms_status\n1-1\nfine\n5",
        "sms_status\n1-1\n103\nsoon",
        "sms_status\n" + "1" * 65 + "\n103\n5", "sms_status\n1 1\n103\n5", "sms_status\n1-1\n103\n999999999999",
        "sms_status\n1-1\n١٠٣\n5", "callcheck_status\n1", "test\nsoon",
        # two records whose border was moved: the hash, which has no separators, would still hold
        "sms_status\n1-1\n102\n1763700000sms_status\n1-2\n103\n1763700001",
    ],
)  # fmt: skip
def test_one_unreadable_record_does_not_take_the_others_with_it(record: str) -> None:
    body = form("sms_status\n1-1\n102\n5", record, "sms_status\n1-2\n103\n5")
    assert verdict(body) is None
    facts = parse(body)
    assert [type(fact) for fact in facts] == [Fact, Unreadable, Fact]
    assert facts[1].key == parse(form(record))[0].key, "told again it is the same"
    unreadable = facts[1]
    assert isinstance(unreadable, Unreadable)
    assert "expected" in unreadable.reason


@pytest.mark.parametrize("body", [b"", b"100", b"{}", b"a=b&c=d", b"data=1", b"data[x]=1", b"&".join([b"a=1"] * 1001)])
def test_what_is_not_the_form_is_said_so_and_never_proved(body: bytes) -> None:
    with pytest.raises(NotTheFormat, match="expected"):
        parse(body)
    assert verdict(body) is not None


def test_a_form_with_a_hash_and_nothing_else_holds_nothing() -> None:
    assert verdict(form()) is None
    assert parse(form()) == []


# Whatever comes


LINES = st.sampled_from(
    ["sms_status", "callcheck_status", "test", "", "202626-1000001", "103", "-1", "401", "1763700000", "99999999999",
     "\x00", "\u2028", "Ж", " "]
) | st.text(max_size=8)  # fmt: skip
RECORDS = st.lists(LINES, max_size=6).map(lambda lines: "\n".join(lines).encode("utf-8", "replace")) | st.binary(
    max_size=40
)


@settings(deadline=None)
@given(st.lists(RECORDS, max_size=13))
def test_any_records_that_are_signed_are_read_without_surprise_and_twice_alike(records: list[bytes]) -> None:
    body = form(*records)
    assert verdict(body) is None
    assert Callback.of(body).records == tuple(records)
    facts = parse(body)
    assert len(facts) == len(records)
    assert parse(body) == facts
    for fact in facts:
        fact.model_dump_json().encode()
        assert fact.key is not None
