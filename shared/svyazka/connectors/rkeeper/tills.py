"""Checks of tables, through White Server: read from the restaurant's till, prepaid there and completed once they
are paid.

`GetOrderList` says what an order of a table costs and what of it is unpaid, `GetOrder` its dishes. A payment that was
taken past the till is a prepayment in a currency of the till's own (`AddPrepayOrder`); an order whose prepayment is its
whole sum may be completed (`CompleteOrder`). Nothing there names whose prepayment it is, and nothing makes a repeat
harmless: so what is prepaid in full counts as ours only where an earlier try of ours may have done it.

Source: docs.rkeeper.com/ws (GetTableList, GetOrderList, GetOrder, AddPrepayOrder, CompleteOrder). That its sums are
roubles, as in its examples, nobody says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from svyazka.catalogue import N_
from svyazka.connectors.rkeeper import white_server
from svyazka.connectors.rkeeper.events import Order
from svyazka.connectors.rkeeper.schema import section
from svyazka.connectors.rkeeper.settings import RKeeperSettings
from svyazka.connectors.rkeeper.statuses import WHITE_SERVER, folded
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.tills import Tills
from svyazka.engine.contracts.settling import amount_of, line_of, quantity_of, settled
from svyazka.engine.contracts.untrusted import Section, sections, text, whole
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.checks import SettleCheck, TableCheck, lines_of
from svyazka.model.commands import Deadline, Repeat, Safety
from svyazka.model.money import Money
from svyazka.model.orders import OrderLine
from svyazka.model.outcomes import Outcome, Refused, Retry, Succeeded, Unclear
from svyazka.model.reasons import Reason

SEEN_AFTER = timedelta(minutes=3)
"""An agent that was silent carries a task out this late; before that what the till shows proves nothing."""

TABLES_KEPT = timedelta(hours=1)

DONE_NOTHING = frozenset({"TaskLimitExceeded"})
"""Codes after which nothing was done for certain."""

NO_CURRENCY = N_("в подключении не задана currency: в какой валюте кассы отметить оплату, неизвестно")
CURRENCY = N_("Заведите в r_keeper валюту «По счёту» с разрешённой предоплатой и впишите её GUID в currency")


@dataclass(frozen=True, slots=True)
class Table:
    """A table, and the restaurant in whose halls it stands."""

    object_id: str
    code: int


class RKeeperTills(Tills[RKeeperSettings]):
    """Orders of tables."""

    def ready(self, settings: RKeeperSettings) -> bool:
        return settings.has_white_server and bool(settings.object_id)

    async def open_checks(self, table: str, call: Call[RKeeperSettings]) -> Sequence[TableCheck]:
        place = await _place_of(call, table)
        found = []
        for row in await _rows(call, place):
            guid = text(row.get("orderGuid"))
            order = await white_server.order(call, Order(place.object_id, guid)) if guid else None
            check = _check(place.object_id, table, row, order) if order is not None else None
            if check is not None:
                found.append(check)
        return found

    def safety(self, command: SettleCheck) -> Safety:
        return Safety(repeat=Repeat.CHECKABLE, deadline=Deadline.SLOW, ask_after=SEEN_AFTER)

    async def settle(self, command: SettleCheck, call: Call[RKeeperSettings]) -> Outcome:
        currency, object_id, guid = call.settings.currency, *_parts(command)
        call.only_read = True
        try:
            check = await _read(call, command)
            noted = check is not None and check.paid == check.total and call.doubt_since is not None
            decided = settled(command, check, noted)
        except VendorFailure as error:
            return error.outcome
        if decided is not None:
            return decided
        if currency is None:
            return Refused(code="no_currency", message=NO_CURRENCY, remedy=CURRENCY, reason=Reason.SETTING)
        call.only_read = False
        if not noted:
            paid = {"amount": float(command.amount.text), "currencyGuid": str(currency)}
            outcome = await _done(call, "AddPrepayOrder", object_id, orderGuid=guid, **paid)
            if outcome is not None:
                return outcome
        if call.settings.close_checks:
            outcome = await _done(call, "CompleteOrder", object_id, orderGuid=guid)
            if outcome is not None:
                # The prepayment is there by now: the next try has to know that it may be ours.
                return _doubtful(outcome)
        return Succeeded(external_id=command.check)

    async def find(self, command: SettleCheck, call: Call[RKeeperSettings]) -> Outcome | None:
        check = await _read(call, command)
        prepaid = check is not None and check.paid == check.total == command.amount
        done = check is not None and (check.closed or (prepaid and not call.settings.close_checks))
        return Succeeded(external_id=command.check, already=True) if done else None


# Reading


async def _read(call: Call[RKeeperSettings], command: SettleCheck) -> TableCheck | None:
    """The check as it is now: among the open ones of its table, else by its own status."""
    object_id, guid = _parts(command)
    order = await white_server.order(call, Order(object_id, guid))
    if order is None:
        return None
    place = await _place_of(call, command.table)
    rows = await _rows(call, place) if place.object_id == object_id else []
    row = next((one for one in rows if (text(one.get("orderGuid")) or "").lower() == guid.lower()), None)
    if row is not None:
        return _check(object_id, command.table, row, order)
    meaning = WHITE_SERVER.get(folded(text(section(order, "status").get("value")) or ""))
    if meaning != "completed":
        return None  # called off, or moved to another table: its sum isn't to be had
    amount = command.amount
    return TableCheck(
        id=command.check, number=guid[:8], table=command.table, total=amount, paid=amount, closed=True
    )  # fmt: skip


async def _rows(call: Call[RKeeperSettings], place: Table) -> list[Section]:
    """The open orders of a table."""
    answer = await white_server.ask(call, "GetOrderList", place.object_id, tableCode=place.code, withClosed=False)
    rows = sections(section(answer, "taskResponse").get("orders"))
    return [one for one in rows if one.get("isFinished") is not True and one.get("isReserve") is not True]


async def _place_of(call: Call[RKeeperSettings], table: str) -> Table:
    """Where a table of this name is. Raises VendorFailure, also where there is none, or where several are so called."""
    place = (await _tables(call)).get(_folded(table))
    if place is None:
        message = N_("White Server shows no table {table}, or several of that name").format(table=table)
        raise VendorFailure(Refused(code="no_table", message=message, reason=Reason.NOT_FOUND))
    return place


async def _tables(call: Call[RKeeperSettings]) -> dict[str, Table]:
    """By name, and by hall and name. A name that two halls have is told by its hall only."""
    kept = call.memo.get("rkeeper.tables")
    if kept is not None and kept[1] > call.now:
        tables: dict[str, Table] = kept[0]
        return tables
    found: dict[str, Table] = {}
    twice: set[str] = set()
    for object_id in map(str, call.settings.object_id or ()):
        answer = await white_server.ask(call, "GetTableList", object_id)
        for one in sections(section(answer, "taskResponse").get("tables")):
            code, name, hall = whole(one.get("code")), text(one.get("name")), text(one.get("hallName"))
            if code is None or name is None:
                continue
            names = {_folded(name), _folded(f"{hall} {name}") if hall else _folded(name)}
            twice |= names & found.keys()
            found |= dict.fromkeys(names, Table(object_id, code))
    tables = {name: place for name, place in found.items() if name not in twice}
    call.memo["rkeeper.tables"] = tables, call.now + TABLES_KEPT
    return tables


def _check(object_id: str, table: str, row: Section, order: Section) -> TableCheck | None:
    total, unpaid, guid = amount_of(row.get("sum")), amount_of(row.get("unpaid")), text(row.get("orderGuid"))
    if total is None or unpaid is None or guid is None:
        return None
    lines = [line for one in sections(order.get("products")) for line in _line(one)]
    paid = total - unpaid if unpaid < total else Money(kopecks=0)
    return TableCheck(
        id=Order(object_id, guid).entity.id, number=guid[:8], table=table, total=total, paid=paid,
        lines=lines_of(lines, total),
    )  # fmt: skip


def _line(product: Section) -> Iterator[OrderLine]:
    """A dish, unless it was taken off the order. Its price is that of one."""
    name, price, quantity = text(product.get("name")), amount_of(product.get("price")), product.get("quantity")
    if name is None or price is None or not price or text(product.get("voidingReason")):
        return
    yield line_of(name, quantity, price.times(quantity_of(quantity) or "1"), sku=text(product.get("id")))


def _parts(command: SettleCheck) -> tuple[str, str]:
    object_id, _, guid = command.check.partition("/")
    return object_id, guid


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


# Writing


async def _done(call: Call[RKeeperSettings], task: str, object_id: str, **params: object) -> Outcome | None:
    """A task, and what came of it; None: it is done."""
    try:
        await white_server.ask(call, task, object_id, **params)
    except VendorFailure as error:
        return _of_a_write(error.outcome)
    return None


def _of_a_write(outcome: Outcome) -> Outcome:
    """An agent that is silent may carry the task out all the same."""
    if isinstance(outcome, Retry) and outcome.code not in DONE_NOTHING:
        return Unclear(code=outcome.code, message=outcome.message, reason=outcome.reason, outage=outcome.outage)
    return outcome


def _doubtful(outcome: Outcome) -> Outcome:
    return outcome.model_copy(update={"maybe_sent": True}) if isinstance(outcome, Retry) else outcome
