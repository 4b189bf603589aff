"""What T-Bank shows of a payment, in the words that all providers share. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from svyazka.connectors.tbank.client import FINE, error_of, id_of
from svyazka.connectors.tbank.failures import decline_of
from svyazka.connectors.tbank.schema import STATUSES
from svyazka.engine.contracts.untrusted import Section, section, text, whole
from svyazka.model.base import Time
from svyazka.model.money import Money
from svyazka.model.seen import Decline, PaymentSeen, SavedMethod, SeenState

_STATES = {"waits": SeenState.WAITS, "held": SeenState.HELD, "paid": SeenState.PAID, "over": SeenState.OVER}
_WHY = {
    "CANCELED": Decline.SHOP, "REVERSED": Decline.SHOP, "DEADLINE_EXPIRED": Decline.PAYER_LEFT,
    "ATTEMPTS_EXPIRED": Decline.PAYER_LEFT,
}  # fmt: skip


def seen_of(
    told: Section, number: str | None, *, amount: Money | None = None, url: str | None = None,
    ends_at: Time | None = None, saved: SavedMethod | None = None,
) -> PaymentSeen | None:  # fmt: skip
    """A payment out of an answer; None where it names none, or has no sum. `amount`: where the answer doesn't say it.

    What went back in part isn't said with its sum by any reading that we know of (disputed): only all of it is.
    """
    id_, status = id_of(told), text(told.get("Status"), 40) or ""
    kopecks = whole(told.get("Amount"))
    sum_ = Money(kopecks=kopecks) if kopecks is not None and kopecks > 0 else amount
    if id_ is None or sum_ is None:
        return None
    # A status that we don't know says nothing of money.
    state = _STATES[STATUSES.get(status, "waits")]
    error = error_of(told)
    return PaymentSeen(
        external_id=id_, number=number, state=state, amount=sum_,
        captured=sum_ if state is SeenState.PAID else None, refunded=sum_ if status == "REFUNDED" else None,
        in_part=status == "PARTIAL_REFUNDED",
        url=url if state is SeenState.WAITS else None, ends_at=ends_at, method=_method(told), saved=saved,
        why=_WHY.get(status) or decline_of(error) if state is SeenState.OVER else None,
        code=error if error not in (None, FINE) else status,
    )  # fmt: skip


RANKS = (SeenState.PAID, SeenState.HELD, SeenState.WAITS, SeenState.OVER)
"""Of several tries under one number, the best."""


def best_of(tries: Iterable[Section], number: str) -> PaymentSeen | None:
    """Of several tries under one number the one that matters: whose money is here, else the newest."""
    found = [seen for one in tries if (seen := seen_of(one, number)) is not None]
    return min(found, key=lambda one: (RANKS.index(one.state), -int(one.external_id or 0)), default=None)


def saved_of(cards: Iterable[Section]) -> SavedMethod | None:
    """The card that a payment has left: an active one that can be charged again."""
    for card in cards:
        token, pan = text(card.get("RebillId"), 40), text(card.get("Pan"), 40) or ""
        if card.get("Status") == "A" and token is not None:
            return SavedMethod(token=token, title=f"*{pan[-4:]}" if pan[-4:].isdigit() else None)
    return None


def _method(told: Section) -> str | None:
    """What it was paid by: `Source` among the parameters of GetState."""
    params = told.get("Params")
    pairs = [section(one) for one in params] if isinstance(params, list) else []
    source = next((text(one.get("Value"), 40) for one in pairs if one.get("Key") == "Source"), None)
    return {"cards": "bank_card"}.get(source, source.lower()) if source else None
