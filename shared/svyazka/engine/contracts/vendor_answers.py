"""How a vendor's answer is read before its failure map is asked, and what no vendor's answer means.

A status is believed only in the vendor's own shape of answer: a proxy, a firewall or an operator's page may speak in
its place. Such a page with 403 says nothing of a key, and one with 404 nothing of a chat: what is wrong is the way,
and it is tried again when that may have been mended (`on_the_way`).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from svyazka.catalogue import N_
from svyazka.engine.contracts.untrusted import Section, section
from svyazka.engine.rules.retry import parse_retry_after
from svyazka.model.errors import SourceUnavailable
from svyazka.model.outcomes import Outcome, Retry, Unclear
from svyazka.model.reasons import Reason

if TYPE_CHECKING:
    import httpx


class VendorFailure(SourceUnavailable):
    """A vendor couldn't or wouldn't answer a question; `outcome` says what to make of it."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome: Outcome = outcome
        super().__init__(getattr(outcome, "message", None) or outcome.kind)

    @property
    def code(self) -> str | None:
        """The code of its outcome: that of the row, or the vendor's own."""
        return getattr(self.outcome, "code", None)


def json_object(response: httpx.Response) -> Section:
    """The answer's object; an empty one for anything else (a wrong address answers in plain text)."""
    try:
        return section(json.loads(response.content))
    except (ValueError, RecursionError):
        return section(None)


def retry_after(response: httpx.Response) -> float | None:
    """Seconds that `Retry-After` asks for, in either of its forms."""
    return parse_retry_after(response.headers.get("retry-after"), datetime.now(UTC))


def on_the_way(response: httpx.Response, vendor: str) -> Retry | Unclear:
    """What an answer means that isn't the vendor's own: a 3xx or 4xx turned the call away; anything else may have
    passed it on before."""
    status, after = response.status_code, retry_after(response)
    if turned_away(status):
        code = "429" if status == HTTPStatus.TOO_MANY_REQUESTS else f"http_{status}"
        message = N_(
            "something on the way answered {status} in place of {vendor}: see base_url, proxies and firewalls"
        ).format(status=status, vendor=vendor)
        return Retry(code=code, message=message, after=after, reason=Reason.OUT_OF_SERVICE)
    message = N_(
        "expected {vendor}'s own answer, got something else with {status}: it may have been passed on before"
    ).format(vendor=vendor, status=status)
    return Unclear(code=f"http_{status}", message=message, after=after, reason=Reason.OUT_OF_SERVICE)


def turned_away(status: int) -> bool:
    """Whether a status says that the call went no further; a 408 doesn't."""
    return 300 <= status < 500 and status != HTTPStatus.REQUEST_TIMEOUT
