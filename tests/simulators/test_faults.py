"""The controls of a stand-in, as somebody who tries things out uses them."""

from __future__ import annotations

import json

import httpx
import pytest

from simulators.serve import serve
from simulators.smsru.simulator import SmsruSimulator


@pytest.mark.parametrize("body", [b"", b"nothing", b"[1]", b'{"kind": "rain"}', b'{"kind": "slow", "often": 1}'])
def test_what_is_no_fault_is_answered_with_what_one_is(body: bytes) -> None:
    with serve([SmsruSimulator()], 0) as running:
        for what in ("faults", "hook_faults"):
            answer = httpx.post(f"{running.url}/_sim/smsru/{what}", content=body, trust_env=False)
            assert answer.status_code == 400
            assert "expected a JSON object" in answer.json()["error"]
        assert running.of("smsru").faults == []


def test_the_ledger_is_written_for_eyes_too() -> None:
    with serve([SmsruSimulator()], 0) as running:
        running.of("smsru").record("message", text="Спасибо")
        shown = httpx.get(f"{running.url}/_sim/smsru/ledger", trust_env=False).text
    assert json.loads(shown)["effects"][0]["text"] == "Спасибо"
    assert '\n      "text": "Спасибо"' in shown
