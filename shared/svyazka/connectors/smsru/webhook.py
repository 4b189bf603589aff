"""The way in from sms.ru: what became of our messages. Pure, and light to import.

One callback is a form of up to 100 records, old and new mixed and in any order, signed with the account's own
api_id. Whatever isn't answered with exactly `100` comes again every minute for up to 5 days.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256

from pydantic import JsonValue

from svyazka.catalogue import N_, _
from svyazka.connectors.smsru.schema import OPT_OUT_CODES, Callback, status_of
from svyazka.engine.contracts.forms import urlencoded
from svyazka.engine.contracts.untrusted import text
from svyazka.engine.contracts.webhook import Answer, Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.model.events import EVENT_OF_RECEIPT, Entity, EventType, Fact, Receipt, Unreadable

TAKEN = b"100"
"""The one answer that sms.ru takes for a success."""

_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_CODE = re.compile(r"-?\d{1,4}", re.ASCII)
_SECONDS = re.compile(r"\d{1,11}", re.ASCII)


class SmsruWebhook(Webhook):
    """Callbacks of sms.ru."""

    vendor = "smsru"
    content_types = ("application/x-www-form-urlencoded",)
    secret_settings = ("api_id",)
    # Refusing what is authentic would bring it back every minute for days.
    tolerates_400 = False

    def verify(self, request: RawRequest, inbound: Inbound) -> str | None:
        """The hash must be the one that the account's api_id makes of these very bytes."""
        api_id = inbound.secrets.get("api_id")
        if not api_id:
            return N_("this connection has no api_id yet, and nothing else can prove a callback of sms.ru's")
        try:
            callback = _callback(request)
        except NotTheFormat as error:
            return str(error)
        return (
            None if callback.is_signed_with(api_id) else N_("the hash isn't the one that this account's api_id makes")
        )

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        """Each record in our words; one that can't be read doesn't take the others with it."""
        return [_item(record) for record in _callback(request).records]

    def answer(self, request: RawRequest, facts: Sequence[Fact | Unreadable]) -> Answer | None:
        return Answer(200, TAKEN, "text/plain")


def _callback(request: RawRequest) -> Callback:
    return Callback.of(urlencoded(request.body, request.header("content-type")))


def receipt_fact(sms_id: str, code: int, at: datetime | None, cost: float | None = None) -> Fact:
    """A message's status as a fact, the same from a callback and from /sms/status."""
    key = ("sms_status", sms_id, str(code))
    status = status_of(code)
    data: dict[str, JsonValue] = {"code": code}
    if cost is not None:
        data["cost"] = cost
    if status is None:
        reason = N_("sms.ru says {code} of a message: no status that we know").format(code=code)
        return Fact(type=EventType.OTHER, key=key, occurred_at=at, data=data, ignored=reason)
    return Fact(
        type=EVENT_OF_RECEIPT[status.state],
        key=key,
        subject=f"message:{sms_id}",
        occurred_at=at,
        entity=Entity(kind="message", id=sms_id),
        data=data,
        receipt=Receipt(
            state=status.state, external_id=sms_id, code=str(code), message=status.what, opt_out=code in OPT_OUT_CODES
        ),
    )


def _item(record: bytes) -> Fact | Unreadable:
    lines = [line.strip() for line in record.decode("utf-8", "replace").split("\n")]
    read = _READERS.get(lines[0])
    # An id for what has none of its own: the same record in another batch is still the same.
    mark = sha256(record).hexdigest()
    if read is None:
        reason = N_("sms.ru sent a record of type {value!r}: nothing here acts on it").format(
            value=(text(lines[0]) or "")[:60]
        )
        return Fact(type=EventType.OTHER, key=("record", mark), ignored=reason)
    try:
        return read(lines)
    except ValueError as error:
        return Unreadable(reason=str(error), key=("unreadable", mark))


def _sms_status(lines: list[str]) -> Fact:
    return receipt_fact(*_status(lines))


def _callcheck_status(lines: list[str]) -> Fact:
    check_id, code, at = _status(lines)
    key = ("callcheck_status", check_id, str(code))
    return Fact(
        type=EventType.OTHER, key=key, occurred_at=at, ignored=N_("a check by telephone call: nothing here asks for it")
    )


def _heartbeat(lines: list[str]) -> Fact:
    at = _time(lines, 1)
    moment = lines[1] if at else ""
    return Fact(
        type=EventType.OTHER, key=("test", moment), occurred_at=at, ignored=N_("a heartbeat: sms.ru's callback works")
    )


def _status(lines: list[str]) -> tuple[str, int, datetime | None]:
    """Id, code and time of a record. Raises ValueError, which quotes nothing of it."""
    id_, code = [*lines[1:3], "", ""][:2]
    if not _ID.fullmatch(id_):
        raise ValueError(_("expected an id of at most 64 letters, digits and dashes in the second line"))
    if not _CODE.fullmatch(code):
        raise ValueError(_("expected a status code in the third line"))
    return id_, int(code), _time(lines, 3)


def _time(lines: list[str], number: int) -> datetime | None:
    """The moment in a line of unix seconds; None where the record ends before it.

    Anything else there means that the record isn't what it seems: the hash doesn't say where one record ends
    and the next begins.
    """
    if len(lines) <= number or not lines[number]:
        return None
    if not _SECONDS.fullmatch(lines[number]):
        raise ValueError(_("expected unix seconds in line {value}", value=number + 1))
    return datetime.fromtimestamp(int(lines[number]), UTC)


_READERS: dict[str, Callable[[list[str]], Fact]] = {
    "sms_status": _sms_status,
    "callcheck_status": _callcheck_status,
    "test": _heartbeat,
}

WEBHOOK = SmsruWebhook()
