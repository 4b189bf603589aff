"""Answers that aren't the vendor's own: a proxy, a firewall or an operator's page spoke in its place. Pure.

A status is believed only in the vendor's own shape of answer. A page with 403 says nothing of a key, and one with 404
nothing of a chat: what is wrong is the way, and it is tried again when that may have been mended.
"""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

import httpx

from svyazka.catalogue import N_
from svyazka.engine.rules.retry import parse_retry_after
from svyazka.model.outcomes import Retry, Unclear


def on_the_way(response: httpx.Response, vendor: str) -> Retry | Unclear:
    """What such an answer means: a 3xx or 4xx turned the call away; anything else may have passed it on before."""
    status = response.status_code
    after = parse_retry_after(response.headers.get("retry-after"), datetime.now(UTC))
    if turned_away(status):
        code = "429" if status == HTTPStatus.TOO_MANY_REQUESTS else f"http_{status}"
        message = N_(
            "something on the way answered {status} in place of {vendor}: see base_url, proxies and firewalls"
        ).format(status=status, vendor=vendor)
        return Retry(code=code, message=message, after=after)
    message = N_(
        "expected {vendor}'s own answer, got something else with {status}: it may have been passed on before"
    ).format(vendor=vendor, status=status)
    return Unclear(code=f"http_{status}", message=message, after=after)


def turned_away(status: int) -> bool:
    """Whether a status says that the call went no further; a 408 doesn't."""
    return 300 <= status < 500 and status != HTTPStatus.REQUEST_TIMEOUT
