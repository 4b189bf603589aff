"""The salon behind YCLIENTS' stand-in: records and clients with the vendor's fields, and how they are written."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

COMPANY = 997441
ZONE = ZoneInfo("Europe/Moscow")
CLIENT = {
    "id": 371102091, "name": "Мария", "surname": "Иванова", "patronymic": "", "display_name": "Мария Иванова",
    "phone": "+79991234567", "card": "", "email": "maria@example.test", "success_visits_count": 3,
    "fail_visits_count": 0, "discount": 0, "is_new": False, "custom_fields": [], "comment": "", "sex": 2,
    "birthday": "", "client_tags": [],
}  # fmt: skip
"""A client as a record shows him."""

SERVICE = {
    "id": 25184394, "title": "Мужская стрижка", "cost": 1300, "cost_to_pay": 1300, "manual_cost": 1300,
    "cost_per_unit": 1300, "discount": 0, "first_cost": 1300, "amount": 1,
}  # fmt: skip
STAFF = {
    "id": 3094597, "api_id": None, "name": "Анна Мастерова", "specialization": "Барбер",
    "position": {"id": 1, "title": "Барбер"}, "rating": 0, "votes_count": 0,
}  # fmt: skip
TIMES = ("create_date", "last_change_date")

_COLON = re.compile(r"([+-]\d{2}):(\d{2})$")


class Salon:
    """Objects by id. Times are kept as `+03:00` and spelled as each way out spells them."""

    def __init__(self) -> None:
        self.records: dict[int, dict[str, Any]] = {}
        self.clients: dict[int, dict[str, Any]] = {}
        self.made_at: dict[int, float] = {}
        """When each client's card was made."""

    def put_record(self, record_id: int | None, now: datetime, changes: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """Make a record or change one; the record and the event's `status`."""
        made = record_id is None or record_id not in self.records
        id_ = record_id or 1561921428 + len(self.records)
        record = self.records.setdefault(id_, self._fresh_record(id_, now))
        record |= {"last_change_date": clock(now), **changes}
        if "attendance" in changes:
            record["visit_attendance"] = changes.get("visit_attendance", changes["attendance"])
        return record, "create" if made else "update"

    def put_client(self, client_id: int | None, now: datetime, changes: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """Make a client's card or change one."""
        made = client_id is None or client_id not in self.clients
        id_ = client_id or 371102091 + len(self.clients)
        card = self.clients.setdefault(
            id_,
            {
                "id": id_, "name": "Мария", "surname": "Иванова", "patronymic": "", "phone": "+79991234567",
                "email": "maria@example.test", "card": "", "birth_date": "", "comment": "", "discount": 0, "visits": 0,
                "sex_id": 2, "sex": "Женский", "sms_check": 0, "sms_not": 0, "spent": 0, "paid": 0, "balance": 0,
                "importance_id": 0, "importance": "Без класса важности", "categories": [], "custom_fields": [],
            },
        )  # fmt: skip
        if made:
            self.made_at[id_] = now.timestamp()
        card |= {"last_change_date": clock(now), **changes}
        return card, "create" if made else "update"

    @staticmethod
    def _fresh_record(id_: int, now: datetime) -> dict[str, Any]:
        starts = now.astimezone(ZONE).replace(minute=0, second=0, microsecond=0) + timedelta(hours=6)
        return {
            "id": id_, "company_id": COMPANY, "staff_id": STAFF["id"], "services": [SERVICE], "goods_transactions": [],
            "staff": STAFF, "client": CLIENT, "comer": None, "clients_count": 1, "date": f"{starts:%Y-%m-%d %H:%M:%S}",
            "datetime": clock(starts), "create_date": clock(now), "comment": "", "online": False,
            "visit_attendance": 0, "attendance": 0, "confirmed": 0, "seance_length": 3600, "length": 3600,
            "api_id": "", "from_url": "", "visit_id": str(1401234567 + id_ - 1561921428), "created_user_id": 746310,
            "deleted": False, "paid_full": 0, "prepaid": False, "payment_status": 0, "is_update_blocked": False,
            "activity_id": 0, "custom_fields": [], "documents": [], "bookform_id": 0, "record_from": "", "is_mobile": 0,
        }  # fmt: skip


def clock(moment: datetime) -> str:
    """Whole seconds on the salon's clock, with its offset."""
    return moment.astimezone(ZONE).isoformat(timespec="seconds")


def as_told(found: dict[str, Any]) -> dict[str, Any]:
    """An object as a webhook spells it: offsets without their colon."""
    return {name: _COLON.sub(r"\1\2", value) if name in TIMES else value for name, value in found.items()}


def changed_since(found: dict[str, Any], since: datetime | None) -> bool:
    """Whether an object's last change isn't older."""
    return since is None or datetime.fromisoformat(found["last_change_date"]) >= since


def since_of(text: str | None) -> datetime | None:
    """`changed_after`: ISO with an offset, or on the salon's clock."""
    found = datetime.fromisoformat(text) if text else None
    return found if found is None or found.tzinfo else found.replace(tzinfo=ZONE)
