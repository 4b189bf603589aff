"""What clients book by, with the developer's token alone: services, masters, free times, and their own records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote

from svyazka.catalogue import N_
from svyazka.connectors.yclients.client import ask
from svyazka.connectors.yclients.schema import full_name, identifier, local, moment, truth, whole
from svyazka.connectors.yclients.settings import YclientsSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.untrusted import Section, section, sections, text
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.bookings import Service, Slot, Staff, Visit, VisitStatus, WallTime
from svyazka.model.outcomes import Blocked, Unclear

FORM_BELIEVED = timedelta(minutes=10)
"""For so long the form's word on codes by SMS is kept."""

ANYBODY = "0"
"""The master who is whoever is free."""


async def services(call: Call[YclientsSettings]) -> list[Service]:
    """What the salon lets clients book, in its own order."""
    data = section(await _asked(call, "book_services"))
    named = {identifier(each.get("id")): text(each.get("title")) for each in sections(data.get("category"))}
    found = (_service(each, named.get(identifier(each.get("category_id")))) for each in sections(data.get("services")))
    return [one for one in found if one is not None]


async def staff(call: Call[YclientsSettings], service: str | None) -> list[Staff]:
    """Masters whom clients may choose now."""
    data = await _asked(call, "book_staff", params=_of_services([service] if service else []))
    found = []
    for each in sections(data):
        id_, name = identifier(each.get("id")), text(each.get("name"))
        if id_ and name and truth(each.get("bookable")):
            title = text(section(each.get("position")).get("title"))
            found.append(Staff(id=id_, name=name, position=text(each.get("specialization")) or title))
    return found


async def days(call: Call[YclientsSettings], service: str, staff: str | None, first: date, last: date) -> list[date]:
    """Days with a free time, of those from `first` to `last`."""
    params = {
        **_of_services([service]), "staff_id": staff or ANYBODY, "date_from": first.isoformat(),
        "date_to": last.isoformat(),
    }  # fmt: skip
    data = section(await _asked(call, "book_dates", params=params))
    listed = data.get("booking_dates")
    free = {found for each in (listed if isinstance(listed, list) else []) if (found := _day(each))}
    by_month = section(data.get("booking_days"))
    all_days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [day for day in all_days if day in free or (not free and _is_listed(day, by_month))]


async def times(
    call: Call[YclientsSettings], services: Sequence[str], staff: str | None, day: date
) -> list[tuple[Slot, object]]:
    """Free times of a day, each with YCLIENTS' own spelling of it, which it wants back letter by letter."""
    path = f"book_times/{{company}}/{quote(staff or ANYBODY, safe='')}/{day.isoformat()}"
    data = await _asked(call, path, params=_of_services(services))
    found: dict[WallTime, tuple[Slot, object]] = {}
    for each in sections(data):
        clock, spelled = _clock(each, day), each.get("datetime")
        if clock is not None and spelled is not None:
            starts_at = WallTime(clock=clock, zone=call.timezone)
            slot = Slot(starts_at=starts_at, staff=staff, minutes=_minutes(each.get("seance_length")))
            found.setdefault(starts_at, (slot, spelled))  # an hour that comes twice: the first
    return [found[starts_at] for starts_at in sorted(found, key=lambda one: one.clock)]


async def wants_code(call: Call[YclientsSettings]) -> bool:
    """Whether the salon's booking form has phones confirmed by SMS; False where no form is named."""
    form = call.settings.booking_form
    if form is None:
        return False
    known: tuple[bool, datetime] | None = call.memo.get("wants_code")
    if known is None or known[1] <= call.now:
        data = section((await ask(call, "GET", f"/api/v1/bookform/{form}", user=False))[0])
        known = call.memo["wants_code"] = truth(data.get("phone_confirmation")), call.now + FORM_BELIEVED
    return known[0]


async def send_code(call: Call[YclientsSettings], phone: str, name: str) -> None:
    """Have YCLIENTS send its code. Its page says `fullname`, its schema `fulname`: it gets both."""
    wanted = {"phone": phone, "fulname": name, "fullname": name}
    await _asked(call, "book_code", json=wanted, writes=True)


async def make_record(call: Call[YclientsSettings], wanted: Section) -> tuple[str, str | None]:
    """Book; the record's id, and the secret by which it can be seen and cancelled: it is told this once only."""
    data = await _asked(call, "book_record", json=wanted, writes=True, secretive_answer=True)
    for each in sections(data):
        if id_ := identifier(each.get("record_id")):
            return id_, text(each.get("record_hash"), 200)
    raise VendorFailure(Unclear(code="no_id", message=N_("YCLIENTS took a booking and named no record")))


async def move_record(call: Call[YclientsSettings], record_id: str, spelled: object) -> None:
    """Put a record to another time, in YCLIENTS' own spelling of it."""
    path = f"book_record/{{company}}/{quote(record_id, safe='')}"
    await _asked(call, path, method="PUT", json={"datetime": spelled}, writes=True)


async def own_record(call: Call[YclientsSettings], record_id: str, secret: str) -> Section:
    """A record as the client who made it sees it."""
    path = f"book_record/{{company}}/{quote(record_id, safe='')}/{quote(secret, safe='')}"
    return section(await _asked(call, path))


async def cancel_record(call: Call[YclientsSettings], record_id: str, secret: str) -> None:
    """Cancel a record as the client who made it."""
    path = f"/api/v1/user/records/{quote(record_id, safe='')}/{quote(secret, safe='')}"
    await ask(call, "DELETE", path, user=False, writes=True)


def visit_of(found: Section, call: Call[YclientsSettings]) -> Visit | None:
    """A record as a visit of ours; None for one that names no time."""
    id_, starts = identifier(found.get("id")), local(found.get("date")) or local(found.get("datetime"))
    if id_ is None or starts is None:
        return None
    listed = list(sections(found.get("services")))
    codes = (whole(found.get(name)) for name in ("visit_attendance", "attendance"))
    attendance = next((code for code in codes if code is not None), 0)
    status = call.settings.statuses().get(attendance, VisitStatus.BOOKED)
    titles = [title for each in listed if (title := text(each.get("title")))]
    master = section(found.get("staff"))
    return Visit(
        id=id_,
        status=VisitStatus.CANCELLED if truth(found.get("deleted")) else status,
        starts_at=WallTime(clock=starts, zone=call.timezone),
        minutes=_minutes(found.get("seance_length")) or _minutes(found.get("length")),
        services=tuple(service for each in listed if (service := identifier(each.get("id")))),
        title=", ".join(titles)[:300] or None,
        staff=identifier(found.get("staff_id")) or identifier(master.get("id")),
        staff_name=text(master.get("name")) or full_name(master),
        mark=text(found.get("api_id")),
    )


async def _asked(
    call: Call[YclientsSettings],
    path: str,
    *,
    method: str | None = None,
    params: dict[str, Any] | None = None,
    json: object = None,
    writes: bool = False,
    secretive_answer: bool = False,
) -> object:
    """`data` of a call of the booking group; `{company}` stands for the salon, else it is the path's last part."""
    settings = call.settings
    if settings.company_id is None or settings.partner_token is None:
        remedy = N_("Впишите company_id и partner_token в файл бизнеса (токен: svyazka secret set)")
        outcome = Blocked(code="no_credentials", message=N_("не заданы company_id или partner_token"), remedy=remedy)
        raise VendorFailure(outcome)
    whole_path = path if "{company}" in path else f"{path}/{{company}}"
    try:
        data, _ = await ask(
            call, method or ("POST" if writes else "GET"), f"/api/v1/{whole_path.format(company=settings.company_id)}",
            params=params, json=json, user=False, writes=writes,
        )  # fmt: skip
    finally:
        if secretive_answer:
            call.http.blank("response_body")
    return data


def _of_services(ids: Sequence[str]) -> dict[str, Any]:
    return {"service_ids[]": list(ids)} if ids else {}


def _service(found: Section, category: str | None) -> Service | None:
    id_, title = identifier(found.get("id")), text(found.get("title"))
    if id_ is None or title is None:
        return None
    return Service(
        id=id_,
        title=title,
        category=category,
        price_min=_roubles(found.get("price_min")),
        price_max=_roubles(found.get("price_max")),
        minutes=_minutes(found.get("seance_length")),
    )


def _roubles(value: object) -> Decimal | None:
    """A price; 0 stands for one that isn't set."""
    try:
        found = Decimal(text(value, 20) or "")
    except InvalidOperation:
        return None
    return found.quantize(Decimal("0.01")) if found.is_finite() and 0 < found < 10**9 else None


def _minutes(seconds: object) -> int | None:
    found = whole(seconds)
    return found // 60 if found and 0 < found <= 7 * 86400 else None


def _day(value: object) -> date | None:
    """ISO, or the unix seconds of that day's midnight in UTC."""
    if whole(value) is not None:
        found = moment(value)
        return found.astimezone(UTC).date() if found else None
    try:
        return date.fromisoformat((text(value, 40) or "")[:10])
    except ValueError:
        return None


def _is_listed(day: date, by_month: Section) -> bool:
    listed = by_month.get(str(day.month), by_month.get(f"{day.month:02}"))
    return isinstance(listed, list) and day.day in {whole(each) for each in listed}


def _clock(found: Section, day: date) -> datetime | None:
    """On the salon's wall: by `time` on the day that was asked for, else by what `datetime` shows before its offset."""
    try:
        hour, minute = (int(part) for part in (text(found.get("time"), 5) or "").split(":"))
        return datetime(day.year, day.month, day.day, hour, minute)
    except ValueError:
        return local(found.get("datetime"))
