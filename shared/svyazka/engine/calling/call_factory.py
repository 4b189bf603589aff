"""What a connector gets to call its vendor with."""

from __future__ import annotations

from functools import partial
from typing import Any

from svyazka.engine.calling.oauth.refresh import authorisation_of
from svyazka.engine.calling.tokens import StoredTokens
from svyazka.engine.contracts.calls import Call, Exchanges
from svyazka.engine.hub import Hub
from svyazka.engine.ports.clock import real_at
from svyazka.engine.tenants.directory import Account


def call_to(hub: Hub, account: Account, http: Exchanges, key: str) -> Call[Any]:
    """The surroundings for one look at a vendor, or one attempt."""
    return Call(
        tenant=account.tenant.id,
        connection=account.name,
        settings=account.settings,
        http=http,
        key=key,
        now=hub.clock.now(),
        vendor_time=partial(real_at, hub.clock),
        timezone=account.timezone,
        hook_url=hub.hook_url(account),
        memo=hub.memo(account),
        tokens=StoredTokens(hub, account),
        auth=authorisation_of(hub, account),
    )
