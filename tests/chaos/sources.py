"""The sources: a webhook of each in the vendor's own form, about something done for one guest."""

from __future__ import annotations

import hmac
import json
from functools import partial
from typing import Any

from chaos.parts import NAME, SAMPLES, UNHURRIED, Guest, Source, Webhook, told
from simulators.amocrm import AmocrmSimulator
from simulators.amocrm.cards import ACCOUNT_ID, TALKS, WON, form, lead_hook
from simulators.amocrm.grants import CLIENT_ID, REDIRECT_URI, SECRET
from simulators.amocrm.simulator import FORM, SUBDOMAIN
from simulators.rkeeper import CLIENT_ID as RKEEPER_ID
from simulators.rkeeper import CLIENT_SECRET, RKeeper
from simulators.serve import Running
from simulators.yclients.salon import CLIENT, COMPANY, as_told
from simulators.yclients.simulator import PARTNER_TOKEN, USER_TOKEN, Yclients
from svyazka.engine.calling.oauth.authorise import exchange
from svyazka.engine.contracts.oauth import AuthorisationCode
from svyazka.engine.hub import Hub
from svyazka.engine.tenants.directory import Account

JSON = {"Content-Type": "application/json"}
AT_ONCE = 100_000


def _json(content: object, **headers: str) -> Webhook:
    return Webhook(json.dumps(content, ensure_ascii=False).encode(), {**JSON, **headers})


# iiko

IIKO_TOKEN = "iiko-hook-token-for-tests"


def _closed_delivery(running: Running, guest: Guest) -> Webhook:
    body = json.loads((SAMPLES / "iiko" / "webhook-delivery-closed.json").read_bytes())
    info = body[0]["eventInfo"]
    info["id"] = f"00000000-0000-4000-8000-{guest.number:012d}"
    info["order"]["phone"] = guest.phone
    info["order"]["customer"]["name"] = NAME
    return _json(body, Authorization=IIKO_TOKEN)


IIKO = Source("iiko", {"auth_token": {"secret": "iiko-token"}}, {"iiko-token": IIKO_TOKEN}, _closed_delivery)


# r_keeper


def _completed_order(running: Running, guest: Guest) -> Webhook:
    """Pushed by the restaurant's template as the documented order object, and read again through the API."""
    till: RKeeper = running.of("rkeeper")

    def happen() -> dict[str, Any]:
        person = {"phone": guest.phone.removeprefix("+"), "firstName": NAME, "email": guest.email}
        order = till.put_order(str(100_000 + guest.number), 11, guest=person)
        till.through_api.add(order["orderId"])
        return order

    return _json(told(running, happen))


RKEEPER = Source(
    "rkeeper",
    {"client_id": RKEEPER_ID, "client_secret": {"secret": "rkeeper-secret"}, **UNHURRIED},
    {"rkeeper-secret": CLIENT_SECRET},
    _completed_order,
    tells=frozenset({"phone", "email"}),
)


# YCLIENTS


def _client_came(running: Running, guest: Guest) -> Webhook:
    salon: Yclients = running.of("yclients")

    def happen() -> dict[str, Any]:
        client = {**CLIENT, "id": 1000 + guest.number, "name": NAME, "phone": guest.phone, "email": guest.email}
        changes = {"attendance": 1, "client": client}
        record, status = salon.salon.put_record(100_000 + guest.number, salon.clock(), changes)
        return salon.event("record", record["id"], status, as_told(record))

    return _json(told(running, happen))


def _open_salon(running: Running) -> None:
    salon: Yclients = running.of("yclients")
    salon.a_second = salon.a_minute = AT_ONCE


YCLIENTS = Source(
    "yclients",
    {
        "company_id": COMPANY, "partner_token": {"secret": "yclients-partner"},
        "user_token": {"secret": "yclients-user"}, **UNHURRIED,
    },
    {"yclients-partner": PARTNER_TOKEN, "yclients-user": USER_TOKEN},
    _client_came,
    tells=frozenset({"phone", "email"}),
    begin=_open_salon,
)  # fmt: skip


# amoCRM


def _deal_won(running: Running, guest: Guest) -> Webhook:
    """No webhook of amoCRM's tells whose deal it is: the deal and its contact are always read."""
    account: AmocrmSimulator = running.of("amocrm")

    def happen() -> bytes:
        contact = account.add("contacts", {"name": NAME, "phone": guest.phone, "email": guest.email})
        lead = account.add("leads", {"status_id": WON, "contacts": [contact["id"]]})
        hook = lead_hook(lead, old_status_id=TALKS)
        return form({"leads": {"status": [hook]}, "account": {"subdomain": SUBDOMAIN, "id": ACCOUNT_ID}})

    return Webhook(told(running, happen), FORM)


def _open_account(running: Running) -> None:
    account: AmocrmSimulator = running.of("amocrm")
    account.pace.per_second = AT_ONCE
    # A worker that dies between the vendor's answer and the store has only the old refresh token.
    account.grants.rotation = "lenient"


async def _agree(running: Running, hub: Hub, account: Account) -> None:
    """The owner lets us in, and what was given is over at once: the first call needs other access."""
    grants = running.of("amocrm").grants
    code = told(running, partial(grants.code, CLIENT_ID, running.of("amocrm").now()))
    await exchange(hub, account, AuthorisationCode(code))
    told(running, grants.expire_access)


AMOCRM = Source(
    "amocrm",
    {
        "subdomain": SUBDOMAIN, "account_id": str(ACCOUNT_ID), "client_id": CLIENT_ID, "redirect_uri": REDIRECT_URI,
        "client_secret": {"secret": "amocrm-secret"}, **UNHURRIED,
    },
    {"amocrm-secret": SECRET},
    _deal_won,
    tells=frozenset({"phone", "email"}),
    must_ask=True,
    begin=_open_account,
    authorise=_agree,
)  # fmt: skip


# Any other system

HTTP_KEY = "http-hmac-key-for-tests"


def _shop_sold(running: Running, guest: Guest) -> Webhook:
    order = {
        "id": guest.number, "name": NAME, "phone": guest.phone, "email": guest.email, "chat": guest.chat,
    }  # fmt: skip
    body = json.dumps({"event": "sold", "order": order}, ensure_ascii=False).encode()
    return Webhook(body, {**JSON, "X-Signature": hmac.digest(HTTP_KEY.encode(), body, "sha256").hex()})


HTTP = Source(
    "http",
    {
        "auth": {"by": "hmac", "header": "X-Signature"}, "inbound_secret": {"secret": "http-hmac"},
        "type": "event", "types": {"sold": "order.completed"}, "subject": "order.id", "key": "order.id",
        "contact": {
            "name": "order.name", "phone": "order.phone", "email": "order.email",
            "chats": {"telegram": "order.chat", "max": "order.chat"},
        },
    },
    {"http-hmac": HTTP_KEY},
    _shop_sold,
    tells=frozenset({"phone", "email", "telegram", "max"}),
)  # fmt: skip

SOURCES = {source.vendor: source for source in (IIKO, RKEEPER, YCLIENTS, AMOCRM, HTTP)}
