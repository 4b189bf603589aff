"""sms.ru's payloads as they are read: the callback's form, status codes, and values whose types wander."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from urllib.parse import parse_qsl

from svyazka.catalogue import N_
from svyazka.engine.contracts.webhook import NotTheFormat
from svyazka.model.events import ReceiptState

FIELDS_LIMIT = 1000
"""Fields of one callback that are read; sms.ru sends at most 100 records."""

_INDEX = re.compile(r"data\[(\d{1,6})\]", re.ASCII)
_WHOLE = re.compile(r"\A\s*-?\d{1,9}\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Status:
    """What a status code of a message that sms.ru has taken means."""

    state: ReceiptState
    what: str


STATUSES: dict[int, Status] = {
    100: Status(ReceiptState.SENT, N_("in sms.ru's queue")),
    101: Status(ReceiptState.SENT, N_("being passed to the operator")),
    102: Status(ReceiptState.SENT, N_("on its way")),
    103: Status(ReceiptState.DELIVERED, "delivered"),
    104: Status(ReceiptState.UNDELIVERED, N_("its time to live ran out")),
    105: Status(ReceiptState.UNDELIVERED, N_("deleted by the operator")),
    106: Status(ReceiptState.UNDELIVERED, N_("the handset failed")),
    107: Status(ReceiptState.UNDELIVERED, N_("undelivered for a reason that nobody knows")),
    108: Status(ReceiptState.UNDELIVERED, "rejected"),
    110: Status(ReceiptState.READ, "read"),
    150: Status(ReceiptState.UNDELIVERED, N_("no route to the number")),
}

OPT_OUT_CODES = frozenset({209, 215})
"""The number is in the account's own stop list; in sms.ru's, after a complaint about spam."""


def status_of(code: int) -> Status | None:
    """A status code by its row, else by its class: 1xx pending, 2xx permanent; None for the rest."""
    if code in STATUSES:
        return STATUSES[code]
    if 100 <= code < 200:
        return Status(ReceiptState.SENT, N_("status {code}").format(code=code))
    return (
        Status(ReceiptState.UNDELIVERED, N_("refused with code {code}").format(code=code))
        if 200 <= code < 300
        else None
    )


@dataclass(frozen=True, slots=True)
class Callback:
    """A callback's form: its records in the order of their numbers, byte by byte as they were signed."""

    records: tuple[bytes, ...]
    hash: bytes

    @classmethod
    def of(cls, body: bytes) -> Callback:
        """Raises NotTheFormat.

        Latin-1 stands for raw bytes both ways, so that nothing is decoded and changed before the hash is
        computed; frameworks' form parsers also stop at 20 array items or sort 10 before 2.
        """
        try:
            fields = parse_qsl(
                body.decode("latin-1"), keep_blank_values=True, encoding="latin-1", max_num_fields=FIELDS_LIMIT
            )
        except ValueError:
            raise NotTheFormat(
                N_("expected a form of at most {FIELDS_LIMIT} fields").format(FIELDS_LIMIT=FIELDS_LIMIT)
            ) from None
        records: dict[int, bytes] = {}
        given = None
        for name, value in fields:
            if numbered := _INDEX.fullmatch(name):
                records[int(numbered[1])] = value.encode("latin-1")
            elif name == "hash":
                given = value.encode("latin-1")
        if not records and given is None:
            raise NotTheFormat(N_("expected a form with data[0], data[1], ... and hash, found neither"))
        return cls(tuple(records[number] for number in sorted(records)), given or b"")

    def is_signed_with(self, api_id: str) -> bool:
        """hash = sha256(api_id and all records, one after the other), lower-case hex."""
        digest = sha256(api_id.encode())
        for record in self.records:
            digest.update(record)
        return compare_digest(self.hash, digest.hexdigest().encode())


def whole(value: object) -> int | None:
    """A whole number, as a number or as text."""
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**9 else None


def amount(value: object) -> float | None:
    """Roubles, as a number or as text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None
