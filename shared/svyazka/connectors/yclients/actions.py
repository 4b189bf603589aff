"""The worker's side of YCLIENTS: reading records again, polling, and `doctor`.

No command is carried out yet: booking, moving and cancelling visits will be commands of their own, with `api_id`
as the only handle by which a repeat can be recognised; their failure map lies ready in `failures.py`.
"""

from __future__ import annotations

from svyazka.connectors.yclients import checks, client, poll
from svyazka.connectors.yclients.client import YclientsSettings
from svyazka.connectors.yclients.facts import client_fact, final_attendance, record_fact
from svyazka.connectors.yclients.schema import Change, identifier
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.connector import Connector, Finding, Limits, Polled
from svyazka.model.events import Entity, Fact


class YclientsConnector(Connector[YclientsSettings]):
    """YCLIENTS' REST API."""

    vendor = "yclients"
    default_base_url = "https://api.yclients.ru"
    # 200 a minute or 5 a second, counted by IP address: all salons of one installation share them.
    limits = Limits(per_second=3.0, concurrency=2, scope="ip")
    secret_fields = ("partner_token", "user_token")
    optional_settings = {
        "company_id": "events of other salons aren't told apart, and nothing can be asked of YCLIENTS",
        "partner_token": "records aren't read again before acting, and what a lost webhook told isn't found by polling",
        "user_token": "records aren't read again before acting, and what a lost webhook told isn't found by polling",
    }
    poll_every = 300.0

    def settings_model(self) -> type[YclientsSettings]:
        return YclientsSettings

    def can_reread(self, settings: YclientsSettings) -> bool:
        return settings.can_ask()

    async def reread(self, entity: Entity, call: Call[YclientsSettings]) -> Fact | None:
        """The record or the client's card as it is now; None when it is gone or another salon's.

        Raises YclientsFailure, NotSent, MaybeSent.
        """
        if entity.kind not in ("record", "client"):
            return None
        read = client.record if entity.kind == "record" else client.client_card
        found = await read(call, entity.id)
        company = identifier(found.get("company_id")) if found else None
        if found is None or company not in (None, str(call.settings.company_id)):
            return None
        change = Change.of_object(entity.kind, found)
        if entity.kind == "client":
            return client_fact(change)
        return record_fact(change, final_attendance(call.settings.final_attendance))

    def can_poll(self, settings: YclientsSettings) -> bool:
        return settings.can_ask()

    async def poll(self, cursor: str | None, call: Call[YclientsSettings]) -> Polled:
        return await poll.poll(cursor, call)

    def can_check(self, settings: YclientsSettings) -> bool:
        return settings.can_ask()

    async def check(self, call: Call[YclientsSettings]) -> list[Finding]:
        return await checks.check(call)

    async def fix(self, call: Call[YclientsSettings], hook_url: str) -> list[Finding]:
        """Add our address to the salon's webhooks; others stay where they are."""
        return [await checks.register(call, hook_url)]


CONNECTOR = YclientsConnector()
