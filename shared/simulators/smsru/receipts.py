"""The callbacks: records, their hash, and the form that they travel in."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from urllib.parse import urlencode

BATCH = 100
HEADERS = {"content-type": "application/x-www-form-urlencoded"}


def status_record(sms_id: str, code: int, at: float) -> str:
    return f"sms_status\n{sms_id}\n{code}\n{int(at)}"


def heartbeat(at: float) -> str:
    return f"test\n{int(at)}"


def signed(api_id: str, records: Sequence[str], forged: bool = False) -> tuple[bytes, dict[str, str]]:
    """Body and headers of one callback."""
    fields = [(f"data[{number}]", record) for number, record in enumerate(records)]
    digest = "0" * 64 if forged else sha256((api_id + "".join(records)).encode()).hexdigest()
    return urlencode([*fields, ("hash", digest)]).encode(), HEADERS
