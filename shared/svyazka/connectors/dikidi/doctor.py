"""`doctor` on DIKIDI: whether the widget is open to us and is still what we know."""

from __future__ import annotations

from collections.abc import Iterator

from svyazka.catalogue import N_, _, ngettext
from svyazka.connectors.dikidi.office import journal, why
from svyazka.connectors.dikidi.settings import DikidiSettings
from svyazka.connectors.dikidi.watch import Seen, look
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding, no_access
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.bookings import WallTime
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.outcomes import Blocked


class DikidiDoctor(Doctor[DikidiSettings]):
    """Makes every call that comes before a booking, and none that holds or books."""

    def ready(self, settings: DikidiSettings) -> bool:
        return settings.company is not None

    async def check(self, call: Call[DikidiSettings]) -> list[Finding]:
        try:
            seen = await look(call)
        except VendorFailure as failure:
            remedy = failure.outcome.remedy if isinstance(failure.outcome, Blocked) else N_("try again in an hour")
            return [no_access("widget", str(failure), remedy, failure)]
        except (NotSent, MaybeSent) as error:
            return [no_access("widget", str(error), N_("try again; see whether dikidi.net opens in a browser"), error)]
        return [*_findings(call, seen), *await _office(call)]


def _findings(call: Call[DikidiSettings], seen: Seen) -> Iterator[Finding]:
    yield Finding(
        "widget", "ok",
        _("the widget of {name} is open to us: {services} services, {masters} masters",
          name=seen.name or call.settings.company, services=seen.services, masters=seen.masters),
    )  # fmt: skip
    if seen.days is None:
        yield Finding(
            "services", "warn", _("no service can be booked online"), _("open services for online booking in DIKIDI")
        )
    elif seen.days == 0:
        yield Finding(
            "days", "warn", _("nothing is free within a month"),
            _("see the masters' schedule in DIKIDI, and `timezone` of the connection"),
        )  # fmt: skip


async def _office(call: Call[DikidiSettings]) -> list[Finding]:
    """Whether the journal is open to the employee whose access is given. Bookings go on without."""
    if not call.settings.has_office():
        return []
    today = WallTime.at(call.now, call.timezone).day
    try:
        found = await journal(call, today, today)
    except VendorFailure as failure:
        code, words = why(failure)
        return [Finding("journal", "fail", _("the journal can't be read ({code}): {why}", code=code, why=words))]
    except (NotSent, MaybeSent) as error:
        return [Finding("journal", "fail", str(error), _("try again later"))]
    count = len(found.entries)
    return [Finding("journal", "ok", ngettext("the journal is open to us: {count} visit today",
                                              "the journal is open to us: {count} visits today", count))]  # fmt: skip
