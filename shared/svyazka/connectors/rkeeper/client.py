"""Where r_keeper's products are. The calls themselves: `delivery.py` for r_k Delivery's API, `white_server.py` for the
relay to the tills; a restaurant may have either or both."""

from __future__ import annotations

from svyazka.connectors.rkeeper.settings import RKeeperSettings
from svyazka.engine.contracts.calls import Call

HOSTS = {
    "login": "https://auth-delivery.ucs.ru",
    "delivery": "https://delivery.ucs.ru",
    "white_server": "https://ws.ucs.ru",
}


def host(call: Call[RKeeperSettings], product: str) -> str:
    """Where a product's API is; with `base_url` (a simulator, a proxy) all of them are there."""
    return (call.settings.base_url or HOSTS[product]).rstrip("/")
