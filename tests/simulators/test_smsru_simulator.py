"""The stand-in of sms.ru keeps to what is known of sms.ru: over real HTTP on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from simulators.registry import load_simulator
from simulators.serve import Running, serve
from simulators.smsru.account import MOSCOW
from simulators.smsru.parts import parts, transliterated

SAMPLES = Path(__file__).parents[1] / "samples" / "smsru"
KEY = "00000000-AAAA-BBBB-CCCC-000000000001"
IVAN = "79991234567"
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def _stand_in() -> Iterator[Running]:
    with serve([load_simulator("smsru")]) as running:
        yield running


@pytest.fixture
def smsru(_stand_in: Running) -> Running:
    _stand_in.of("smsru").clear()
    return _stand_in


def ask(smsru: Running, method: str, **params: Any) -> Any:
    """A method's answer."""
    answer = httpx.post(
        f"{smsru.base_url('smsru')}/{method}", data={"api_id": KEY, "json": 1, **params}, trust_env=False
    )
    assert answer.status_code == 200, "HTTP is always 200"
    return answer.json()


def send(smsru: Running, to: str = IVAN, msg: str = "Привет", **params: Any) -> Any:
    """A single number's part of the answer to a message."""
    (entry,) = ask(smsru, "sms/send", to=to, msg=msg, **params)["sms"].values()
    return entry


def tell(smsru: Running, what: str, **told: Any) -> Any:
    """Tell the stand-in something."""
    answer = httpx.post(f"{smsru.url}/_sim/smsru/{what}", json=told, trust_env=False, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ledger(smsru: Running) -> list[dict[str, Any]]:
    effects: list[dict[str, Any]] = httpx.get(f"{smsru.url}/_sim/smsru/ledger", trust_env=False).json()["effects"]
    return effects


@dataclass
class Hub:
    """Somebody who gets callbacks: the bodies that came, and what he answers."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    came: threading.Condition = field(default_factory=threading.Condition)

    def records(self) -> list[str]:
        return [record for body in self.bodies for record in records_of(body)]

    def wait(self, wanted: int) -> None:
        """Until so many callbacks have come."""
        with self.came:
            assert self.came.wait_for(lambda: len(self.bodies) >= wanted, 10), f"{len(self.bodies)} of {wanted} came"


@contextmanager
def hub() -> Iterator[Hub]:
    told = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            came = self.rfile.read(int(self.headers["content-length"]))
            with told.came:
                status, body = told.answers.pop(0) if told.answers else (200, b"100")
                told.bodies.append(came)
                told.came.notify_all()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    told.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()


def records_of(body: bytes) -> list[str]:
    """A callback's records, after its hash has been found right."""
    fields = parse_qsl(body.decode())
    records = [value for name, value in fields if name.startswith("data[")]
    assert dict(fields)["hash"] == sha256((KEY + "".join(records)).encode()).hexdigest()
    assert [name for name, _ in fields[:-1]] == [f"data[{n}]" for n in range(len(records))]
    return records


# Sending


def test_a_message_that_was_taken_is_in_the_ledger(smsru: Running) -> None:
    answer = ask(smsru, "sms/send", to=IVAN, msg="Привет", **{"from": "KOFE"})
    entry = answer["sms"][IVAN]
    assert (answer["status"], answer["status_code"], entry["status"], entry["status_code"]) == ("OK", 100, "OK", 100)
    assert answer["balance"] == pytest.approx(1_000_000 - 1.74)
    (effect,) = ledger(smsru)
    assert (effect["kind"], effect["id"], effect["to"], effect["text"], effect["sender"]) == (
        "message", entry["sms_id"], IVAN, "Привет", "KOFE",
    )  # fmt: skip
    assert effect["at"] > 0


@pytest.mark.parametrize(("name", "messages"), [("send_request", 1), ("send_request_multi", 0)])
def test_the_requests_of_the_samples_are_understood(smsru: Running, name: str, messages: int) -> None:
    body = (SAMPLES / f"{name}.form").read_bytes()
    answer = httpx.post(f"{smsru.base_url('smsru')}/sms/send", content=body, headers=FORM, trust_env=False).json()
    assert {entry["status"] for entry in answer["sms"].values()} == {"OK"}
    assert all(entry["sms_id"] for entry in answer["sms"].values())
    assert len(ledger(smsru)) == messages, "test=1 sends nothing"


@pytest.mark.parametrize("spelling", ["to", "multi"])
def test_each_number_may_have_a_text_of_its_own(smsru: Running, spelling: str) -> None:
    ask(smsru, "sms/send", **{f"{spelling}[{IVAN}]": "Анна", f"{spelling}[79990000002]": "Пётр"})
    assert {effect["to"]: effect["text"] for effect in ledger(smsru)} == {IVAN: "Анна", "79990000002": "Пётр"}


def test_one_text_goes_to_several_numbers_and_one_refusal_does_not_stop_the_others(smsru: Running) -> None:
    answer = ask(smsru, "sms/send", to="8 (999) 123-45-67, +74990000000,12", text="Привет")
    assert answer["status"] == "OK"
    assert {number: entry["status_code"] for number, entry in answer["sms"].items()} == {
        IVAN: 100, "74990000000": 207, "12": 202,
    }  # fmt: skip
    assert len(ledger(smsru)) == 1


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"to": ""}, 202), ({"to": ",".join([IVAN] * 101)}, 207), ({"to": ",".join([IVAN] * 5001)}, 213),
        ({"time": "soon"}, 208), ({"time": "99999999999"}, 208), ({"api_id": ""}, 200),
    ],
)  # fmt: skip
def test_a_request_refused_as_a_whole_names_no_numbers(smsru: Running, params: Mapping[str, str], code: int) -> None:
    answer = ask(smsru, "sms/send", **{"to": IVAN, "msg": "Привет", **params})
    assert (answer["status"], answer["status_code"]) == ("ERROR", code)
    assert answer["status_text"]
    assert "sms" not in answer
    assert "balance" not in answer


@pytest.mark.parametrize(
    ("told", "message", "code"),
    [
        ({}, {"msg": ""}, 203), ({}, {"msg": "я" * (67 * 8 + 1)}, 205), ({}, {"to": "78005553535"}, 207),
        ({"only_rf": True}, {"to": "375291234567"}, 214), ({"complaints": [IVAN]}, {}, 215),
        ({"stoplist": {IVAN: ""}}, {}, 209), ({"senders": ["UTRO"]}, {"from": "KOFE"}, 204),
        ({"balance": 1.0}, {}, 201), ({"daily_limit": 0}, {}, 206), ({"per_number_limit": 0}, {}, 230),
        ({"refusals": {IVAN: 216}}, {}, 216), ({"refusals": {"*": 220}}, {}, 220),
    ],
)  # fmt: skip
def test_a_number_is_refused_for_the_right_reason(
    smsru: Running, told: dict[str, Any], message: dict[str, str], code: int
) -> None:
    tell(smsru, "account", **told)
    entry = send(smsru, **message)
    assert (entry["status"], entry["status_code"]) == ("ERROR", code)
    assert entry["status_text"]
    assert "sms_id" not in entry
    assert ledger(smsru) == []


def test_an_account_without_a_sender_name_is_refused_with_an_id_even_in_test_mode(smsru: Running) -> None:
    tell(smsru, "account", senders=[])
    for test in (0, 1):
        entry = send(smsru, test=test)
        assert (entry["status"], entry["status_code"]) == ("ERROR", 221)
        assert entry["sms_id"]
    assert ledger(smsru) == []
    assert "senders" not in ask(smsru, "my/senders")


def until_noon() -> float:
    """Seconds until tomorrow's noon in Moscow: whatever the hour, no day begins in the middle of a test."""
    now = datetime.now(MOSCOW)
    noon = (now + timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
    return (noon - now).total_seconds()


def test_equal_messages_are_refused_within_a_minute_and_too_often_a_day_where_that_is_switched_on(
    smsru: Running,
) -> None:
    assert [send(smsru)["status_code"] for _ in range(2)] == [100, 100]
    tell(smsru, "account", duplicates=True)
    codes, noon = [], until_noon()
    for minute in (0, 0.5, 2, 4, 6, 24 * 60):
        tell(smsru, "clock", ahead=noon + minute * 60)
        codes.append(send(smsru)["status_code"])
        codes.append(send(smsru, msg=f"{minute}")["status_code"])
    assert codes[::2] == [100, 231, 100, 100, 232, 100]
    assert set(codes[1::2]) == {100}


def test_the_daily_limit_begins_anew_with_the_next_day(smsru: Running) -> None:
    noon = until_noon()
    tell(smsru, "clock", ahead=noon)
    tell(smsru, "account", daily_limit=1)
    assert [send(smsru)["status_code"] for _ in range(2)] == [100, 206]
    assert ask(smsru, "my/limit")["used_today"] == 1
    tell(smsru, "clock", ahead=noon + 86400)
    assert ask(smsru, "my/limit")["used_today"] == 0
    assert send(smsru)["status_code"] == 100


def test_transliteration_makes_a_text_cheaper(smsru: Running) -> None:
    text = "Щука и ёж, Юля! " * 7
    assert ask(smsru, "sms/cost", to=IVAN, msg=text)["total_sms"] == 2
    assert ask(smsru, "sms/cost", to=IVAN, msg=text, translit=1)["total_sms"] == 1
    send(smsru, msg="Щука и ёж, Юля!", translit=1)
    assert ledger(smsru)[0]["text"] == transliterated("Щука и ёж, Юля!") == "Schuka i ezh, Yulya!"


# Parts


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("я" * 70, 1), ("я" * 71, 2), ("я" * 134, 2),
        ("я" * 135, 3), ("a" * 69 + "№", 1), ("a" * 70 + "«", 2), ("{" * 80, 1), ("{" * 81, 2), ("😀" * 35, 1),
        ("😀" * 36, 2), ("", 1),
    ],
)  # fmt: skip
def test_parts_are_counted_as_operators_count_them(text: str, count: int) -> None:
    assert parts(text) == count


def test_the_cost_is_told_before_with_its_parts_and_charged_after(smsru: Running) -> None:
    text = "я" * 71
    answer = ask(smsru, "sms/cost", to=f"{IVAN},74990000000", msg=text)
    assert answer["sms"][IVAN] == {"status": "OK", "status_code": 100, "cost": 3.48, "sms": 2}
    assert (answer["total_cost"], answer["total_sms"]) == (3.48, 2)
    send(smsru, msg=text)
    assert ask(smsru, "my/balance")["balance"] == pytest.approx(1_000_000 - 3.48)


def test_a_cost_that_nobody_can_be_told_has_no_totals(smsru: Running) -> None:
    assert set(ask(smsru, "sms/cost", to="12", msg="x")) == set(
        json.loads((SAMPLES / "cost_all_error.json").read_bytes())
    )


# The account


def test_each_question_is_answered_in_the_shape_of_its_sample(smsru: Running) -> None:
    tell(smsru, "account", senders=[], callbacks=["https://hub.example.com/in/smsru/k1"], daily_limit=10)
    for method, name in {
        "auth/check": "auth_ok", "my/balance": "balance", "my/limit": "limit", "my/free": "free_null",
        "my/senders": "senders_none", "callback/get": "callback_list",
    }.items():  # fmt: skip
        shape = json.loads((SAMPLES / f"{name}.json").read_bytes())
        answer = ask(smsru, method)
        assert {key: type(value) for key, value in answer.items()} == {key: type(value) for key, value in shape.items()}


def test_statuses_come_by_id_with_their_cost_in_either_type(smsru: Running) -> None:
    tell(smsru, "automatic", final=None)
    ids = [send(smsru, msg=f"{n}")["sms_id"] for n in range(2)]
    tell(smsru, "receipts", ids=ids[1:], code=104)
    answer = ask(smsru, "sms/status", sms_id=",".join([*ids, "202626-9"]))["sms"]
    assert [answer[one]["status_code"] for one in (*ids, "202626-9")] == [100, 104, -1]
    assert {type(answer[one]["cost"]) for one in ids} == {str, float}
    assert answer["202626-9"]["status"] == "ERROR"


def test_the_stop_list_is_kept(smsru: Running) -> None:
    ask(smsru, "stoplist/add", stoplist_phone="8 999 123 45 67", stoplist_text="просил")
    assert ask(smsru, "stoplist/get")["stoplist"] == {IVAN: "просил"}
    assert send(smsru)["status_code"] == 209
    ask(smsru, "stoplist/del", stoplist_phone=IVAN)
    assert send(smsru)["status_code"] == 100


def test_callbacks_are_kept(smsru: Running) -> None:
    assert ask(smsru, "callback/add", url="ftp://x")["status_code"] == 901
    assert ask(smsru, "callback/del", url="http://x")["status_code"] == 902
    assert "callback" not in ask(smsru, "callback/get")
    ask(smsru, "callback/add", url="http://x")
    assert ask(smsru, "callback/add", url="http://x")["callback"] == ["http://x"]
    assert "callback" not in ask(smsru, "callback/del", url="http://x")


def test_any_key_has_an_account_of_its_own_until_the_right_ones_are_named(smsru: Running) -> None:
    assert send(smsru, api_id="another")["status_code"] == 100
    assert ask(smsru, "my/balance")["balance"] == 1_000_000
    tell(smsru, "keys", right=[KEY])
    assert ask(smsru, "sms/send", api_id="another", to=IVAN, msg="x")["status_code"] == 200
    assert ask(smsru, "auth/check", api_id="another")["status_code"] == 301
    assert ask(smsru, "auth/check")["status_code"] == 100


def test_what_no_account_has_and_no_method_does_is_said(smsru: Running) -> None:
    url = smsru.base_url("smsru")
    assert ask(smsru, "sms/invented")["status_code"] == 211
    got = httpx.get(f"{url}/callback/add", params={"api_id": KEY, "json": 1, "url": "http://x"}, trust_env=False)
    assert got.json()["status_code"] == 210
    body = f"api_id={KEY}&json=1&to={IVAN}&msg=%FF".encode()
    assert httpx.post(f"{url}/sms/send", content=body, headers=FORM, trust_env=False).json()["status_code"] == 212
    plain = httpx.post(f"{url}/sms/send", data={"api_id": KEY, "to": IVAN, "msg": "x"}, trust_env=False)
    assert plain.text == "100", "without json=1 the older form"
    assert httpx.post(f"{smsru.url}/_sim/smsru/account", json={"balanse": 1}, trust_env=False).status_code == 400


def test_a_reset_forgets_everything(smsru: Running) -> None:
    tell(smsru, "keys", right=["another"])
    tell(smsru, "account", balance=0)
    httpx.post(f"{smsru.url}/_sim/reset", trust_env=False)
    assert send(smsru)["status_code"] == 100
    assert len(ledger(smsru)) == 1


# Receipts


def test_a_message_is_followed_by_its_receipt(smsru: Running) -> None:
    with hub() as told:
        ask(smsru, "callback/add", url=told.url)
        tell(smsru, "automatic", delay=0.0, final=104)
        sms_id = send(smsru)["sms_id"]
        told.wait(1)
        (record,) = told.records()
    kind, id_, code, at = record.split("\n")
    assert (kind, id_, code) == ("sms_status", sms_id, "104")
    assert int(at) > 0
    assert ask(smsru, "sms/status", sms_id=sms_id)["sms"][sms_id]["status_code"] == 104


def test_receipts_that_come_together_go_in_batches_of_a_hundred(smsru: Running) -> None:
    with hub() as told:
        ask(smsru, "callback/add", url=told.url)
        tell(smsru, "automatic", delay=0.3)
        numbers = [f"7999{n:07}" for n in range(120)]
        ask(smsru, "sms/send", to=",".join(numbers[:100]), msg="Привет")
        ask(smsru, "sms/send", to=",".join(numbers[100:]), msg="Привет")
        told.wait(2)
        assert [len(records_of(body)) for body in told.bodies] == [100, 20]
        assert len(set(told.records())) == 120


def test_a_callback_comes_again_until_it_is_answered_with_exactly_100(smsru: Running) -> None:
    with hub() as told:
        told.answers = [(503, b"100"), (200, b'{"status":"accepted"}'), (200, b"100\n")]
        ask(smsru, "callback/add", url=told.url)
        tell(smsru, "automatic", delay=0.0, pause=0.01)
        send(smsru)
        told.wait(4)
        send(smsru, msg="another")
        told.wait(5)
    assert len(set(told.bodies)) == 2
    assert told.bodies[0] == told.bodies[3]


def test_receipts_are_sent_when_told_in_one_callback_with_a_heartbeat_among_them(smsru: Running) -> None:
    with hub() as told:
        tell(smsru, "automatic", final=None)
        ask(smsru, "callback/add", url=told.url)
        ids = [send(smsru, msg=f"{n}")["sms_id"] for n in range(2)]
        assert told.bodies == []
        answer = tell(smsru, "receipts", ids=ids, code=102, heartbeat=True, records=["new\n1"])
        assert answer == {"statuses": [200]}
        records = told.records()
    assert [record.split("\n")[0] for record in records] == ["sms_status", "sms_status", "test", "new"]
    assert [record.split("\n")[1] for record in records[:2]] == ids


def test_receipts_are_sent_one_by_one_when_told_so_and_forged_ones_bear_a_wrong_hash(smsru: Running) -> None:
    with hub() as told:
        tell(smsru, "account", api_id=KEY, callbacks=[told.url])
        assert tell(smsru, "receipts", ids=["1-1", "1-2"], batch=False)["statuses"] == [200, 200]
        assert len(told.records()) == 2
        tell(smsru, "receipts", ids=["1-1"], forged=True)
        assert told.bodies[-1].endswith(b"hash=" + b"0" * 64)


def test_doubled_missing_and_shuffled_callbacks_can_be_scripted(smsru: Running) -> None:
    with hub() as told:
        tell(smsru, "account", api_id=KEY, callbacks=[told.url])
        tell(smsru, "hook_faults", copies=2, drop_every=2)
        assert tell(smsru, "receipts", ids=["1-1", "1-2"], batch=False)["statuses"] == [200, 200]
        assert len(told.bodies) == 2
        assert told.bodies[0] == told.bodies[1]


def test_a_reset_ends_callbacks_that_nobody_takes(smsru: Running) -> None:
    with hub() as deaf, hub() as told:
        deaf.answers = [(500, b"")] * 1000
        ask(smsru, "callback/add", url=deaf.url)
        tell(smsru, "automatic", delay=0.0, pause=0.01)
        send(smsru)
        deaf.wait(3)
        httpx.post(f"{smsru.url}/_sim/reset", trust_env=False)
        tries = len(deaf.bodies)
        ask(smsru, "callback/add", url=told.url)
        tell(smsru, "automatic", delay=0.1)
        send(smsru)
        told.wait(1)  # ten pauses later
        assert len(deaf.bodies) <= tries + 1, "one may have been on its way"
