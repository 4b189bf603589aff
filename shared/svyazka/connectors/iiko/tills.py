"""Checks of tables: read from the restaurant's till through iikoCloud, and closed there once they are paid.

An order that was opened at the till is shown only after `init_by_table`. A payment that was taken past the till is
added to it (`add_payments`, processed externally) and the order closed: both are commands, whose results are asked for
by their correlation ids. Nothing there makes a repeat harmless, so that each try begins by reading the order: what it
holds of our payment type isn't added again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from svyazka.catalogue import N_
from svyazka.connectors.iiko.checks import OPEN, check_seen, noted
from svyazka.connectors.iiko.client import ask
from svyazka.connectors.iiko.failures import FAILURES
from svyazka.connectors.iiko.reads import organization_ids, table_order
from svyazka.connectors.iiko.settings import IikoSettings
from svyazka.connectors.iiko.tables import place_of
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.tills import Tills
from svyazka.engine.contracts.failures import outcome_of
from svyazka.engine.contracts.settling import settled
from svyazka.engine.contracts.untrusted import Section, section, sections, text
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.checks import SettleCheck, TableCheck
from svyazka.model.commands import Deadline, Repeat, Safety
from svyazka.model.outcomes import Outcome, Refused, Retry, Succeeded, Unclear
from svyazka.model.reasons import Reason

LOOKS = 4
"""So often in a row a command's result is asked for: at this vendor's rate that is two seconds."""

SEEN_AFTER = timedelta(seconds=90)
"""A till that was asleep takes a command this late; before that what it shows proves nothing."""

NO_TYPE = N_("в подключении не задан payment_type: куда заносить оплату в кассе, неизвестно")
TYPE = N_("Заведите в iiko внешний тип оплаты «По счёту» и впишите его идентификатор в payment_type")


class IikoTills(Tills[IikoSettings]):
    """Orders of tables."""

    def ready(self, settings: IikoSettings) -> bool:
        return settings.sign_in() is not None

    async def open_checks(self, table: str, call: Call[IikoSettings]) -> Sequence[TableCheck]:
        place = await place_of(call, table)
        where = {"organizationId": place.organization, "terminalGroupId": place.terminal_group}
        begun = await ask(call, "/api/1/order/init_by_table", {**where, "tableIds": [place.table]})
        await _result(call, place.organization, begun)
        shown: dict[str, object] = {
            "organizationIds": [place.organization], "tableIds": [place.table], "statuses": list(OPEN),
        }  # fmt: skip
        answer = await ask(call, "/api/1/order/by_table", shown)
        found = (check_seen(one, table) for one in sections(answer.get("orders")))
        return [check for check in found if check is not None and not check.closed]

    def safety(self, command: SettleCheck) -> Safety:
        return Safety(repeat=Repeat.CHECKABLE, deadline=Deadline.CALL, ask_after=SEEN_AFTER)

    async def settle(self, command: SettleCheck, call: Call[IikoSettings]) -> Outcome:
        kind = call.settings.payment_type
        call.only_read = True
        try:
            order = await table_order(call, command.check)
            there = noted(order, kind, command.amount)
            decided = settled(command, check_seen(order, command.table), there)
            if decided is not None:
                return decided
            if kind is None:
                return Refused(code="no_payment_type", message=NO_TYPE, remedy=TYPE, reason=Reason.SETTING)
            organization = text(section(order).get("organizationId")) or (await organization_ids(call))[0]
        except VendorFailure as error:
            return error.outcome
        call.only_read = False
        where: dict[str, object] = {"organizationId": organization, "orderId": command.check}
        if not there:
            paid = {
                "paymentTypeKind": call.settings.payment_kind, "paymentTypeId": kind,
                "sum": float(command.amount.text), "isProcessedExternally": True,
            }  # fmt: skip
            outcome = await _done(call, "/api/1/order/add_payments", {**where, "payments": [paid]}, organization)
            if outcome is not None:
                return outcome
        if call.settings.close_checks:
            outcome = await _done(call, "/api/1/order/close", where, organization)
            if outcome is not None:
                return outcome
        return Succeeded(external_id=command.check)

    async def find(self, command: SettleCheck, call: Call[IikoSettings]) -> Outcome | None:
        order = await table_order(call, command.check)
        check, there = check_seen(order, command.table), noted(order, call.settings.payment_type, command.amount)
        done = check is not None and there and (check.closed or not call.settings.close_checks)
        return Succeeded(external_id=command.check, already=True) if done else None


async def _done(call: Call[IikoSettings], path: str, body: dict[str, object], organization: str) -> Outcome | None:
    """A command, and what the till said of it; None: it has done it."""
    try:
        begun = await ask(call, path, body)
    except VendorFailure as error:
        return _of_a_write(error.outcome)
    result = await _result(call, organization, begun)
    match text(result.get("state")):
        case "Success":
            return None
        case "Error":
            return _refused(result)
    message = N_("the till hasn't said yet whether it took it")
    return Unclear(code="till_busy", message=message, reason=Reason.OUT_OF_SERVICE, outage=False)


async def _result(call: Call[IikoSettings], organization: str, begun: Section) -> Section:
    """The result of a command; what nobody tells any more, or yet, is nothing."""
    asked: dict[str, object] = {"organizationId": organization, "correlationId": text(begun.get("correlationId")) or ""}
    for _ in range(LOOKS):
        try:
            result = await ask(call, "/api/1/commands/status", asked)
        except VendorFailure:
            return {}
        if result.get("state") != "InProgress":
            return result
    return {}


def _refused(result: Section) -> Outcome:
    """The till's own no. A waiter who has the table open on a screen is the everyday one."""
    code = text(result.get("errorReason")) or "till_refused"
    rule = FAILURES.codes.get(code)
    if rule is not None:
        return outcome_of(rule, code)
    said = text(section(result, "exception").get("message")) or code
    return Refused(code="till_refused", message=N_("the till refuses: {said}").format(said=said), reason=Reason.OTHER)


def _of_a_write(outcome: Outcome) -> Outcome:
    """A failure in the middle of a write may have followed upon it; over the quota nothing was done."""
    if isinstance(outcome, Retry) and outcome.code != "429" and not outcome.code.startswith("http_4"):
        return Unclear(code=outcome.code, message=outcome.message, reason=outcome.reason, outage=outcome.outage)
    return outcome
