"""Calls to DIKIDI's widget, as its own page makes them. Every path stands in one table: a change is one line.

Nothing identifies us but the visitor's session, which comes from the page or from `project_options`, and goes with each
call that holds, books or cancels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import httpx

from svyazka.connectors.dikidi.failures import CHANGED, FAILURES, NOT_SURE, TAKEN, WRONG_CODE, not_an_answer, refused
from svyazka.connectors.dikidi.schema import (
    CLOCK,
    SESSION,
    Booking,
    bookings_of,
    days_of,
    refusal_of,
    services_of,
    times_of,
)
from svyazka.connectors.dikidi.settings import DikidiSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.failures import Rule, outcome_of
from svyazka.engine.contracts.untrusted import Section, section, text
from svyazka.engine.contracts.vendor_answers import VendorFailure, json_object

# As seen in the code of other programs. `get_datetimes` and `records_info` are also told of without `/mobile/`; every
# program that was read calls them as here.
PATHS: Mapping[str, str] = {
    "services": "/mobile/ajax/newrecord/company_services/",
    "options": "/ru/mobile/ajax/newrecord/project_options/",
    "masters": "/ru/ajax/newrecord/to_master_get_masters/",
    "days": "/ru/ajax/newrecord/get_dates_true/",
    "times": "/ru/mobile/ajax/newrecord/get_datetimes/",
    "hold": "/ru/ajax/newrecord/time_reservation/",
    "let_go": "/ru/ajax/newrecord/time_reservation_clear/",
    "check": "/ru/mobile/newrecord/check/",
    "send_code": "/ru/ajax/newrecord/send_code/",
    "check_code": "/ru/ajax/newrecord/check_code/",
    "record": "/ru/ajax/newrecord/record/",
    "info": "/ru/mobile/ajax/newrecord/records_info/",
    "remove": "/ru/mobile/newrecord/remove_record/",
}

BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
"""Without a browser's name the bot protection answers."""

FORM = "application/x-www-form-urlencoded; charset=UTF-8"
CALL_TIMEOUT = 10.0


async def options(call: Call[DikidiSettings]) -> Section:
    """The salon's name and address, and a fresh session."""
    try:
        answer = await _ask(call, "options", {"company": _company(call)})
    finally:
        call.http.blank("response_body")
    found = section(answer.get("data")) or answer
    if text(found.get("name")) is None and text(found.get("session")) is None:
        raise VendorFailure(outcome_of(CHANGED, "changed"))
    return found


async def session(call: Call[DikidiSettings]) -> str:
    """A visitor's session of our own."""
    found = text((await options(call)).get("session"), 100)
    if found is None:
        page = await _request(call, "GET", f"/{_company(call)}", {})
        call.http.blank("response_body")
        match = SESSION.search(page.text)
        if match is None:
            raise VendorFailure(not_an_answer(page, acted=False))
        found = match[1]
    call.http.hide(found)
    return found


async def services(call: Call[DikidiSettings]) -> list[tuple[str | None, Section]]:
    """Category's name and service, each."""
    asked = {"lang": "ru", "array": "1", "company": _company(call), "master": "", "share": ""}
    data = await _wanted(call, "services", asked, "data")
    if not isinstance(section(data).get("list"), dict | list):
        raise VendorFailure(outcome_of(CHANGED, "changed"))
    return list(services_of(section(data)))


async def masters(call: Call[DikidiSettings]) -> Mapping[str, Section]:
    """By id."""
    found = await _wanted(call, "masters", {"company_id": _company(call)}, "masters")
    return {id_: section(found, id_) for id_ in section(found)}


async def days(
    call: Call[DikidiSettings], service: str, master: str | None, first: date, last: date
) -> list[date]:  # fmt: skip
    """Days on which anything is free."""
    asked = {
        "company_id": _company(call), "services_id[]": [service], "master_id": master or "",
        "date_from": first.isoformat(), "date_to": last.isoformat(),
    }  # fmt: skip
    return [day for day in days_of(await _wanted(call, "days", asked, "dates_true")) if first <= day <= last]


async def times(
    call: Call[DikidiSettings], services: Sequence[str], master: str | None, day: date
) -> tuple[dict[str, list[datetime]], Section]:
    """Who is free when on that day, and the masters. `with_first` lets DIKIDI show another day in the place of a full
    one: those times are left out."""
    asked = {
        "company_id": _company(call), "service_id[]": list(services), "master_id": master or "",
        "date": day.isoformat(), "with_first": "1", "session": "",
    }  # fmt: skip
    data = section(await _wanted(call, "times", asked, "data"))
    if "times" not in data:
        raise VendorFailure(outcome_of(CHANGED, "changed"))
    found = {who: [at for at in free if at.date() == day] for who, free in times_of(data["times"]).items()}
    return {who: free for who, free in found.items() if free}, section(data.get("masters"))


async def hold(call: Call[DikidiSettings], session: str, services: Sequence[str], master: str, at: datetime) -> str:
    """Take a time out of everybody's reach for some minutes: the id that the booking will have. Refused when it is
    gone: DIKIDI gives a time to one only."""
    asked = {
        "company_id": _company(call), "master_id": master, "services_id[]": list(services),
        "time": at.strftime(CLOCK), "action_source": "direct_link", "session": session,
    }  # fmt: skip
    answer = await _ask(call, "hold", asked, otherwise=TAKEN)
    id_ = text(answer.get("record_id"), 64) or text(section(answer.get("data")).get("record_id"), 64)
    if id_ is None:
        raise VendorFailure(outcome_of(CHANGED, "changed"))
    return id_


async def let_go(call: Call[DikidiSettings], session: str) -> None:
    """Give back what this session holds."""
    await _ask(call, "let_go", {"company_id": _company(call), "session": session, "social_key": ""})


async def check(call: Call[DikidiSettings], session: str, person: Mapping[str, str], comment: str) -> None:
    """Let DIKIDI look over what the visitor has filled in."""
    form = {
        "company": _company(call), "type": "normal", "session": session, "social_key": "", "share_id": "0",
        **person, "comments": comment, "promocode_appointment_id": "",
    }  # fmt: skip
    asked = {"company": _company(call), "session": session, "social_key": ""}
    await _ask(call, "check", asked, form=form, changes=False)


async def record(
    call: Call[DikidiSettings], session: str, person: Mapping[str, str], comment: str, code: str, number: int
) -> Booking:
    """Book what this session holds. Once: a second time there is nothing held any more."""
    asked = {
        "company_id": _company(call), "session": session, "social_key": "",
        "action": "send_code_info_continue_1", "unique_num": str(number),
    }  # fmt: skip
    form = {
        "type": "normal", "name": f"{person['first_name']} {person['last_name']}".strip(), **person, "code": code,
        "comments": comment, "is_show_all_times": "3", "captcha_token": "", "action_source": "direct_link",
        "session": session, "active_cart_id": "0", "active_method": "0", "agreement": "1",
    }  # fmt: skip
    answer = await _ask(call, "record", asked, form=form, acted=True)
    found = bookings_of(answer)
    if not found:
        raise VendorFailure(NOT_SURE)
    return found[0]


async def info(call: Call[DikidiSettings], session: str, id_: str) -> Booking | None:
    """A record as this session may see it, one that is only held too; None when it doesn't."""
    asked = {"company_id": _company(call), "record_id_list[]": [id_], "session": session}
    found = bookings_of(await _ask(call, "info", asked))
    if found is None:
        raise VendorFailure(outcome_of(CHANGED, "changed"))
    return next((booking for booking in found if booking.id == id_), None)


async def remove(call: Call[DikidiSettings], session: str, id_: str) -> None:
    """Cancel a booking. A GET that deletes: made once, never ahead of time."""
    await _ask(call, "remove", {"id": id_, "session": session, "social_key": ""}, acted=True, changes=True)


async def send_code(call: Call[DikidiSettings], session: str, person: Mapping[str, str]) -> None:
    """Let DIKIDI send the client a code by SMS."""
    asked = {
        "company_id": _company(call), "name": person["first_name"], **person, "action_source": "direct_link",
        "session": session, "push": "0", "telegram": "0",
    }  # fmt: skip
    await _said(call, "send_code", asked, "success")


async def check_code(call: Call[DikidiSettings], session: str, phone: str, code: str) -> None:
    """Give DIKIDI the code that the client has read out."""
    asked = {
        "company_id": _company(call), "phone": phone, "code": code, "action_source": "direct_link", "session": session,
    }  # fmt: skip
    await _said(call, "check_code", asked, "ok")


async def _said(call: Call[DikidiSettings], what: str, asked: Mapping[str, Any], fine: str) -> None:
    answer = await _ask(call, what, asked, changes=what == "send_code")
    if answer.get("status") == fine:
        return
    if what == "check_code" and "status" in answer:
        raise VendorFailure(outcome_of(WRONG_CODE, "wrong_code"))
    raise VendorFailure(outcome_of(CHANGED, "changed"))


async def _wanted(call: Call[DikidiSettings], what: str, asked: Mapping[str, Any], key: str) -> object:
    """One key of an answer; without it the widget has changed. An empty map may be `[]`."""
    answer = await _ask(call, what, asked)
    if not isinstance(answer.get(key), dict | list):
        raise VendorFailure(outcome_of(CHANGED, "changed"))
    return answer[key]


async def _ask(
    call: Call[DikidiSettings],
    what: str,
    asked: Mapping[str, Any],
    *,
    form: Mapping[str, str] | None = None,
    otherwise: Rule = FAILURES.other,
    acted: bool = False,
    changes: bool | None = None,
) -> Section:
    """One call. Raises VendorFailure, NotSent, MaybeSent.

    `otherwise`: the row for a refusal that no other knows. `acted`: it books or cancels, so that what isn't an answer
    proves nothing. `changes`: whether it changes anything that stays, where its method doesn't say so.
    """
    response = await _request(call, "GET" if form is None else "POST", PATHS[what], asked, form, changes)
    answer = json_object(response)
    refusal = refusal_of(answer)
    if refusal is not None:
        raise VendorFailure(refused(refusal, otherwise))
    if not answer or not response.is_success:
        raise VendorFailure(not_an_answer(response, acted))
    return answer


async def _request(
    call: Call[DikidiSettings],
    method: str,
    path: str,
    asked: Mapping[str, Any],
    form: Mapping[str, str] | None = None,
    changes: bool | None = None,
) -> httpx.Response:
    home = call.http.base_url
    headers = {
        "User-Agent": BROWSER,
        "Accept": "application/json, text/javascript, */*; q=0.01",
        "Accept-Language": "ru-RU,ru;q=0.9",
        "X-Requested-With": "XMLHttpRequest",
        "Origin": home,
        "Referer": f"{home}/{_company(call)}",
        "Sec-Fetch-Dest": "empty",
        "Sec-Fetch-Mode": "cors",
        "Sec-Fetch-Site": "same-origin",
        **({"Content-Type": FORM} if form is not None else {}),
    }
    return await call.http.request(
        method, path, params=asked, data=form, headers=headers, timeout=CALL_TIMEOUT, changes=changes
    )


def _company(call: Call[DikidiSettings]) -> str:
    return str(call.settings.company)
