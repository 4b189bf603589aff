"""Where a command meets the capability that carries it: the one place that looks at kinds of commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from svyazka.catalogue import N_
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.calendar import Calendar
from svyazka.engine.contracts.capabilities.messenger import Messenger
from svyazka.engine.contracts.capabilities.payments import Can, Payments
from svyazka.engine.contracts.capabilities.receipts import Receipts
from svyazka.engine.contracts.capabilities.records import Operation
from svyazka.engine.contracts.capabilities.tills import Tills
from svyazka.engine.contracts.manifest import Manifest
from svyazka.engine.contracts.putting import CLOCKS_DIFFER, put
from svyazka.model.checks import SettleCheck
from svyazka.model.commands import (
    AddNote,
    AddTask,
    BookVisit,
    CancelVisit,
    Command,
    Forward,
    MoveVisit,
    PutRecord,
    Safety,
    SendMessage,
    SendVisitCode,
    VisitCommand,
)
from svyazka.model.outcomes import Outcome, Refused, Succeeded
from svyazka.model.paying import CancelPayment, CapturePayment, ChargeSaved, MakeLink, MoneyCommand, RefundPayment
from svyazka.model.reasons import Reason
from svyazka.model.receipts import RegisterReceipt
from svyazka.model.records import ObjectId, RecordKind
from svyazka.model.references import given


@dataclass(frozen=True, slots=True)
class Carried:
    """One command in the hands of the capability that carries it."""

    safety: Safety
    perform: Callable[[Call[Any]], Awaitable[Outcome]]
    """Carries it out."""
    ask: Callable[[Call[Any]], Awaitable[Outcome | None]] | None = None
    """Asks whether it was done; None where its vendor can't be asked."""


def carried(manifest: Manifest[Any], command: Command) -> Carried:
    """How this vendor carries out a command; one that it can't is refused without a call."""
    match command:
        case SendMessage() if manifest.messenger is not None:
            return _message(manifest, command)
        case Forward() if manifest.forwarder is not None:
            forwarder = manifest.forwarder
            return Carried(forwarder.safety(command), lambda call: forwarder.forward(command, call))
        case PutRecord() if _keeps(manifest, command.record):
            return _record(manifest, command)
        case AddNote() | AddTask() if _keeps(manifest, command.on.kind) and (how := _hanging(manifest, command)):
            return _on_card(manifest, command, how.safety)
        case BookVisit() | MoveVisit() | CancelVisit() | SendVisitCode() if manifest.calendar is not None:
            return _visit(manifest.calendar, command)
        case MakeLink() | ChargeSaved() | CapturePayment() | CancelPayment() | RefundPayment() if manifest.payments:
            return _money(manifest.payments, command)
        case SettleCheck() if manifest.tills is not None:
            return _check(manifest.tills, command)
        case RegisterReceipt() if manifest.receipts is not None:
            return _receipt(manifest.receipts, command)
    return _refused(
        "not_supported", N_("{vendor} carries out no {kind}").format(vendor=manifest.vendor, kind=command.kind)
    )


def _keeps(manifest: Manifest[Any], kind: RecordKind) -> bool:
    return manifest.records is not None and kind in manifest.records.kinds


def _hanging(manifest: Manifest[Any], command: AddNote | AddTask) -> Operation | None:
    """How notes and tasks get onto its cards."""
    records = manifest.records
    return None if records is None else records.noting if isinstance(command, AddNote) else records.tasking


def _record(manifest: Manifest[Any], command: PutRecord) -> Carried:
    """Each attempt looks first, so that there is nothing to ask besides: a doubt only makes it wait until what an
    earlier try made can be found."""
    records = manifest.records
    assert records is not None

    async def look_first(call: Call[Any]) -> Outcome | None:
        return None

    made_by_it = command.ref is None and command.create
    safety = (records.creating if made_by_it else records.updating).safety
    return Carried(safety, lambda call: put(records, command, call), look_first)


def _on_card(manifest: Manifest[Any], command: AddNote | AddTask, safety: Safety) -> Carried:
    records = manifest.records
    assert records is not None

    async def carry_out(call: Call[Any]) -> Outcome:
        on = ObjectId(command.on.kind, given(command.on.to))
        if isinstance(command, AddNote):
            return await records.note(on, command, call)
        return await records.task(on, command, call)

    async def ask(call: Call[Any]) -> Outcome | None:
        on = ObjectId(command.on.kind, given(command.on.to))
        since = call.vendor_time(call.doubt_since or call.now) - CLOCKS_DIFFER
        if isinstance(command, AddNote):
            return await records.find_note(on, command, since, call)
        return await records.find_task(on, command, since, call)

    return Carried(safety, carry_out, ask)


def _message(manifest: Manifest[Any], message: SendMessage) -> Carried:
    messenger = manifest.messenger
    assert messenger is not None
    to = messenger.address(message.to)
    if to is None:
        return _refused("no_address", messenger.no_address, Reason.BAD_ADDRESS)
    can_be_asked = type(messenger).find_sent is not Messenger.find_sent
    return Carried(
        messenger.safety(message),
        lambda call: messenger.send(message, to, call),
        (lambda call: messenger.find_sent(message, to, call)) if can_be_asked else None,
    )


def _visit(calendar: Calendar[Any], command: VisitCommand) -> Carried:
    safety = calendar.safety(command)
    match command:
        case BookVisit():
            return Carried(
                safety, lambda call: calendar.book(command, call), lambda call: calendar.find_booked(command, call)
            )
        case MoveVisit():
            return Carried(
                safety, lambda call: calendar.move(command, command.visit, call),
                lambda call: _moved(calendar, command, call),
            )  # fmt: skip
        case CancelVisit():
            return Carried(safety, lambda call: calendar.cancel(command.visit, call))
    return Carried(safety, lambda call: calendar.send_code(command, call))


def _money(payments: Payments[Any], command: MoneyCommand) -> Carried:
    """Whatever moves money is asked about by our number, where its vendor can be asked at all."""

    async def carry_out(call: Call[Any]) -> Outcome:
        match command:
            case MakeLink():
                return await payments.make_link(command, call)
            case ChargeSaved():
                return await payments.charge(command, call)
            case CapturePayment():
                return await payments.capture(command, call)
            case CancelPayment():
                return await payments.cancel(command, call)
        return await payments.refund(command, call)

    can_be_asked = Can.READ in payments.can
    return Carried(
        payments.safety(command), carry_out, (lambda call: payments.find(command, call)) if can_be_asked else None
    )


def _check(tills: Tills[Any], command: SettleCheck) -> Carried:
    return Carried(
        tills.safety(command), lambda call: tills.settle(command, call), lambda call: tills.find(command, call)
    )


def _receipt(receipts: Receipts[Any], command: RegisterReceipt) -> Carried:
    return Carried(
        receipts.safety(command), lambda call: receipts.register(command, call),
        lambda call: receipts.find(command, call),
    )  # fmt: skip


async def _moved(calendar: Calendar[Any], command: MoveVisit, call: Call[Any]) -> Outcome | None:
    """Whether an earlier try has moved the visit: it stands where it was to be."""
    visit = await calendar.visit(command.visit, call)
    if visit is None or visit.is_off or visit.starts_at != command.starts_at:
        return None
    return Succeeded(external_id=visit.id, already=True)


def _refused(code: str, message: str, reason: Reason = Reason.SETTING) -> Carried:
    async def refuse(call: Call[Any]) -> Outcome:
        return Refused(code=code, message=message, reason=reason)

    async def not_done(call: Call[Any]) -> Outcome | None:
        return None

    return Carried(Safety.idempotent(), refuse, not_done)
