"""The four sources: what each vendor sends when something is done, what the brief sends, and what is not done."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from matrix.hub import Connection, Machine

SAMPLES = Path(__file__).parent.parent / "samples"
JSON, FORM = "application/json", "application/x-www-form-urlencoded; charset=UTF-8"
PHONE = "79991234567"


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a source tells of: what stands in his message and where it may go."""

    name: str | None = None
    email: str | None = None
    phone: str | None = PHONE


@dataclass(frozen=True, slots=True)
class Word:
    """One webhook."""

    body: bytes
    content_type: str = JSON


async def _nothing(machine: Machine) -> None:
    """The stand-in knows nothing of it."""


@dataclass(frozen=True)
class Source:
    """A vendor, with or without credentials for reading again what its webhook told."""

    name: str
    vendor: str
    now: str
    """When the webhook comes."""
    done: Word
    person: Person | None
    """Whom the message goes to; None where nobody's address is known."""
    not_done: Mapping[str, Word] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    put: Callable[[Machine], Awaitable[None]] = _nothing
    """Lets the stand-in hold what the webhook told."""

    def connection(self) -> Connection:
        return Connection(self.vendor, self.settings, self.secrets)

    @property
    def start(self) -> datetime:
        return datetime.fromisoformat(self.now)


def sample(path: str) -> Word:
    """A vendor's own body."""
    return Word((SAMPLES / path).read_bytes(), FORM if path.endswith(".form") else JSON)


def body(content: object) -> Word:
    return Word(json.dumps(content, ensure_ascii=False).encode())


BRIEF: dict[str, dict[str, Any]] = {
    "iiko": {
        "eventType": "DeliveryOrderUpdate",
        "eventInfo": {"order": {"status": "Delivered", "customer": {"phone": "+79991234567"}}},
    },
    "rkeeper": {"order": {"status": "Выполнен", "customer": {"phone": "+79991234567"}}},
    "yclients": {"resource": {"visit_attendance": 1, "deleted": False, "client": {"phone": "+79991234567"}}},
    "amocrm": {
        "leads": {"status": [{"id": 12345, "status_id": 142, "main_contact": {"phone": "+79991234567"}}]}
    },
}  # fmt: skip
"""The bodies of the brief's commands; `test_brief_curls.py` sends the commands themselves."""


# iiko


async def _iiko_order(machine: Machine, status: str = "Closed") -> None:
    await machine.tell(
        "iiko", "orders",
        {"id": "f7d7468e-4c1f-5e7a-96d0-d063007888ed", "number": 6482, "status": status, "phone": "+79991234567"},
    )  # fmt: skip


IIKO = Source(
    "iiko", "iiko", "2026-03-14T15:53:05+00:00", sample("iiko/webhook-delivery-closed.json"), Person("Иван"),
    {
        "cooking": sample("iiko/webhook-delivery-cooking-started.json"),
        "cancelled": sample("iiko/webhook-delivery-cancelled.json"),
        "brief-on-way": body({
            "eventType": "DeliveryOrderUpdate",
            "eventInfo": {"order": {"status": "OnWay", "customer": {"phone": "+79991234567"}}},
        }),
        "stop-list": sample("iiko/webhook-stop-list-update.json"),
    },
)  # fmt: skip
IIKO_ASKED = replace(
    IIKO, name="iiko+api", settings={"organization_id": "7bc05553-4b68-44e8-b7bc-37be63c6d9e9"},
    secrets={"api_login": "api-login-for-tests"}, put=_iiko_order,
)  # fmt: skip

# r_keeper


async def _rkeeper_order(machine: Machine, status: int = 11) -> None:
    await machine.tell("rkeeper", "order", {"order_id": "59707", "status": status, "through_api": True})


async def _till_order(machine: Machine, status: str = "Complited") -> None:
    customer = {"name": "Анна", "phone": "+79991234567"}
    guid = "5e964af3-6e1d-4661-8db1-08d897c7079a"
    await machine.tell("rkeeper", "till", {"guid": guid, "status": status, "customer": customer})


RKEEPER = Source(
    "rkeeper", "rkeeper", "2026-03-14T15:53:05+00:00", sample("rkeeper/push-constructed-order-object-completed.json"),
    Person("Анна"),
    {
        "in-transit": sample("rkeeper/push-seed-in-transit.json"),
        "brief-accepted": body({"order": {"status": "Принят в ресторане", "customer": {"phone": "+79991234567"}}}),
        "brief-cancelled": body({"order": {"status": "Отменен", "customer": {"phone": "+79991234567"}}}),
    },
)  # fmt: skip
RKEEPER_ASKED = replace(
    RKEEPER, name="rkeeper+api", settings={"client_id": "client-id-for-tests"},
    secrets={"client_secret": "client-secret-for-tests"}, put=_rkeeper_order,
)  # fmt: skip
WHITE_SERVER = Source(
    "white-server", "rkeeper", "2026-03-14T15:53:05+00:00",
    sample("rkeeper/ws-event-order-status-changed-complited.json"), None,
    {"created": sample("rkeeper/ws-event-order-status-changed-created.json")},
)  # fmt: skip
WHITE_SERVER_ASKED = replace(
    WHITE_SERVER, name="white-server+api", settings={"object_id": 199990160}, secrets={"token": "ws-token-for-tests"},
    put=_till_order, person=Person("Анна"),
)  # fmt: skip

# YCLIENTS


async def _yclients_record(machine: Machine, attendance: int = 1) -> None:
    await machine.tell("yclients", "record", {"id": 1561921428, "changes": {"attendance": attendance}})


YCLIENTS = Source(
    "yclients", "yclients", "2026-10-05T16:02:45+00:00", sample("yclients/wh-record-update-came.json"),
    Person("Мария", "maria@example.test"),
    {
        "booked": sample("yclients/wh-record-create.json"),
        **{
            f"brief-{name}": body({"resource": {**BRIEF["yclients"]["resource"], **change}})
            for name, change in (
                ("waiting", {"visit_attendance": 0}), ("confirmed", {"visit_attendance": 2}),
                ("missed", {"visit_attendance": -1}), ("deleted", {"deleted": True}),
            )
        },
    },
)  # fmt: skip
YCLIENTS_ASKED = replace(
    YCLIENTS, name="yclients+api", settings={"company_id": 997441},
    secrets={"partner_token": "partner-token-for-tests", "user_token": "user-token-for-tests"}, put=_yclients_record,
)  # fmt: skip

# amoCRM


async def _amocrm_deal(machine: Machine, status: int = 142, lead: int = 15318175) -> None:
    account = machine.vendors.of("amocrm")
    account.grants.long_lived.add("amo-token-for-tests")
    account._ids["leads"] = lead - 1
    person = {"name": "Иван Петров", "phone": "+7 (999) 123-45-67", "email": "ivan.petrov@example.test"}
    (contact,) = (await machine.tell("amocrm", "contacts", [person]))["ids"]
    await machine.tell("amocrm", "leads", [{"status_id": status, "contacts": [contact]}])


AMOCRM = Source(
    "amocrm", "amocrm", "2025-10-09T10:53:25+00:00", sample("amocrm/wh-leads-status-won.form"), None,
    {
        "talks": sample("amocrm/wh-leads-update.form"),
        "brief-lost": body({
            "leads": {"status": [{"id": 12345, "status_id": 143, "main_contact": {"phone": "+79991234567"}}]}
        }),
        "brief-stage": body({
            "leads": {"status": [{"id": 12345, "status_id": 456, "main_contact": {"phone": "+79991234567"}}]}
        }),
    },
)  # fmt: skip
AMOCRM_ASKED = replace(
    AMOCRM, name="amocrm+api", settings={"subdomain": "kofeinya-test", "account_id": "31500000"},
    secrets={"token": "amo-token-for-tests"}, put=_amocrm_deal, person=Person("Иван", "ivan.petrov@example.test"),
)  # fmt: skip

# All of them

OWN = (
    IIKO, IIKO_ASKED, RKEEPER, RKEEPER_ASKED, WHITE_SERVER, WHITE_SERVER_ASKED, YCLIENTS, YCLIENTS_ASKED, AMOCRM,
    AMOCRM_ASKED,
)  # fmt: skip
"""The vendors' own webhooks; `+api`: the connection has credentials, and the stand-in holds the object."""

BRIEFS = (
    *(
        replace(source, name=f"{source.name}, brief", done=body(BRIEF[source.vendor]), person=Person())
        for source in OWN
        if source not in (WHITE_SERVER, WHITE_SERVER_ASKED, AMOCRM_ASKED)
    ),
    # The brief's deal has an id, so with access it is read like any other, and its contact has a name there.
    replace(AMOCRM_ASKED, name="amocrm+api, brief", done=body(BRIEF["amocrm"]), put=partial(_amocrm_deal, lead=12345)),
)
"""The brief's bodies: without an id they can't be read again, with access or without."""

_IIKO_PAYLOAD = {
    "eventType": "DeliveryOrderUpdate", "eventTime": "2024-01-15T14:30:00.000", "organizationId": "uuid",
    "correlationId": "uuid",
    "eventInfo": {
        "id": "order-uuid", "posId": "pos-uuid", "creationStatus": "Success",
        "order": {"id": "...", "status": "Delivered", "customer": {"phone": "+79991234567", "name": "Иван"}},
    },
}  # fmt: skip
_YCLIENTS_PAYLOAD = {
    "resource": {
        "id": 12345, "company_id": 4564, "visit_attendance": 1, "deleted": False,
        "client": {"id": 789, "name": "Иван Петров", "phone": "+79991234567"},
        "services": [{"id": 1, "title": "Стрижка", "cost": 1500}], "staff": {"id": 9, "name": "Мастер Анна"},
        "datetime": 1547622000,
    },
    "webhook_type": "record_changed",
}  # fmt: skip
_AMOCRM_FORM = """\
leads[status][0][id]=12345
leads[status][0][status_id]=142
leads[status][0][pipeline_id]=789
leads[status][0][old_status_id]=456
contacts[update][0][id]=111
contacts[update][0][custom_fields][0][id]=66192
contacts[update][0][custom_fields][0][name]=Телефон
contacts[update][0][custom_fields][0][values][0][value]=79991234567"""
_AMOCRM_CONTACTS = {
    "update": [
        {
            "id": 111,
            "custom_fields_values": [
                {"field_name": "Телефон", "field_code": "PHONE", "values": [{"value": "79991234567"}]}
            ],
        }
    ]
}
_AMOCRM_LEAD = {"id": 12345, "status_id": 142, "pipeline_id": 789}
_AMOCRM_MAIN = {**_AMOCRM_LEAD, "main_contact": {"id": 111, "phone": "+79991234567"}}

PAYLOADS = (
    replace(IIKO, name="iiko, documented", done=body(_IIKO_PAYLOAD)),
    replace(YCLIENTS, name="yclients, documented", done=body(_YCLIENTS_PAYLOAD), person=Person("Иван")),
    replace(
        AMOCRM, name="amocrm, documented form", person=Person(),
        done=Word("&".join(quote(line, safe="=") for line in _AMOCRM_FORM.splitlines()).encode(), FORM),
    ),
    replace(
        AMOCRM, name="amocrm, documented json", person=Person(),
        done=body({"leads": {"status": [_AMOCRM_MAIN]}, "contacts": _AMOCRM_CONTACTS}),
    ),
    replace(
        AMOCRM, name="amocrm, contact only", person=Person(),
        done=body({"leads": {"status": [_AMOCRM_LEAD]}, "contacts": _AMOCRM_CONTACTS}),
    ),
)  # fmt: skip
"""The payloads that the brief shows beside its commands."""

CORRECTED = (
    replace(IIKO_ASKED, put=partial(_iiko_order, status="Cancelled")),
    replace(RKEEPER_ASKED, put=partial(_rkeeper_order, status=12)),
    replace(WHITE_SERVER_ASKED, put=partial(_till_order, status="Cancelled")),
    replace(YCLIENTS_ASKED, put=partial(_yclients_record, attendance=-1)),
    replace(AMOCRM_ASKED, put=partial(_amocrm_deal, status=143)),
)
"""Their webhooks say done, and the vendor asked again says otherwise."""
