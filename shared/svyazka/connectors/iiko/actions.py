"""The worker's side of iiko: reading objects again, polling, and `doctor`.

No command is carried out yet: iiko is no messenger. Creating deliveries and crediting bonuses will be
commands of their own, with `order.id` as the idempotency key; their failure map lies ready in `client.py`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from svyazka.connectors.iiko import doctor, poll, reads
from svyazka.connectors.iiko.client import IikoSettings
from svyazka.connectors.iiko.schema import Change
from svyazka.connectors.iiko.webhook import final_statuses, foreign_organization, order_fact, reserve_fact
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.connector import Connector, Finding, Limits, Polled
from svyazka.engine.contracts.untrusted import Section
from svyazka.model.errors import NotShown
from svyazka.model.events import Entity, Fact

READERS: dict[str, Callable[[Call[IikoSettings], str], Awaitable[Section | None]]] = {
    "delivery": reads.delivery,
    "table": reads.table_order,
    "reserve": reads.reserve,
}
"""Entity kind -> how it is read again."""

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class IikoConnector(Connector[IikoSettings]):
    """iikoCloud API."""

    vendor = "iiko"
    default_base_url = "https://api-ru.iiko.services"
    # iiko publishes no figures, and blocks logins for many identical requests.
    limits = Limits(per_second=2.0, concurrency=2)
    secret_fields = ("api_key", "client_secret", "api_login", "auth_token")
    optional_settings = {
        "organization_id": "events of other organizations of the same API login aren't told apart",
        "auth_token": "whoever knows the webhook's address can send events: nothing else proves them",
        "api_credentials": "with neither api_key, app_id and client_secret nor api_login orders aren't read again "
        "before acting, and what a lost webhook told isn't found by polling",
    }
    poll_every = 120.0

    def settings_model(self) -> type[IikoSettings]:
        return IikoSettings

    def can_reread(self, settings: IikoSettings) -> bool:
        return settings.sign_in() is not None

    async def reread(self, entity: Entity, call: Call[IikoSettings]) -> Fact | None:
        """The order or reservation as iiko's cache has it now; None when it isn't there (any more) or not ours.

        It tells no time of what happened: that would be one more call, and nobody asks. Raises NotShown for an
        id that can't be iiko's (a hand-made event), which it would answer with 400; IikoFailure, NotSent, MaybeSent.
        """
        if UUID.fullmatch(entity.id) is None:
            raise NotShown("iiko's ids are UUIDs: this isn't one of its objects")
        read = READERS.get(entity.kind)
        info = await read(call, entity.id) if read else None
        if info is None or foreign_organization(call.settings.organization_id, info.get("organizationId")):
            return None
        root = {"eventInfo": info}
        if entity.kind == "reserve":
            return reserve_fact(Change.of_reserve(root), None)
        return order_fact(Change.of_order(root), entity.kind, final_statuses(call.settings.final_statuses), None)

    def can_poll(self, settings: IikoSettings) -> bool:
        return settings.means_to_sign_in()

    async def poll(self, cursor: str | None, call: Call[IikoSettings]) -> Polled:
        return await poll.poll(cursor, call)

    def can_check(self, settings: IikoSettings) -> bool:
        return settings.means_to_sign_in()

    async def check(self, call: Call[IikoSettings]) -> list[Finding]:
        return await doctor.check(call)

    async def fix(self, call: Call[IikoSettings], hook_url: str) -> list[Finding]:
        return await doctor.fix(call, hook_url)


CONNECTOR = IikoConnector()
