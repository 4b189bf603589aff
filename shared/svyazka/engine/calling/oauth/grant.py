"""What becomes of a grant: pure functions from (grant, what happened) to grant, and its sealing."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import blake2b

from svyazka.engine.calling.oauth.endpoint import Failure
from svyazka.engine.contracts.oauth import OAuthApp
from svyazka.engine.rules.deadlines import LEASE, TAKE_OVER_GRACE, holds
from svyazka.engine.security.keyring import Keyring
from svyazka.model.grants import CodeUse, Grant, Pair

AGAIN_AFTER, AGAIN_AT_LAST = timedelta(minutes=15), timedelta(days=1)
"""When the sweep tries anew what failed and nobody has needed since: after the first, doubling up to the last."""

HOLD, LONGEST_HOLD = timedelta(seconds=30), timedelta(minutes=15)
"""For how long a refused renewal isn't asked for again by whoever waits for access: doubling up to the last."""

SPARES = 3
"""Pairs kept beside the present one while it hasn't worked yet."""


def seal(keyring: Keyring, grant_id: str, pair: Pair) -> str:
    """A pair as it is stored."""
    return keyring.seal("vault", pair.model_dump_json(), f"{grant_id}.oauth")


def unseal(keyring: Keyring, grant_id: str, sealed: str) -> Pair:
    """A stored pair. Raises ConfigError when the key that sealed it isn't here."""
    return Pair.model_validate_json(keyring.unseal("vault", sealed, f"{grant_id}.oauth"), extra="ignore")


def means(app: OAuthApp) -> str:
    """Tells one set of an integration's settings from another: what refused these says nothing of those."""
    parts = (app.client_id, app.client_secret, app.redirect_uri or "", app.base_url or "")
    return blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()


def usable(pair: Pair, refused: str | None, real: datetime) -> bool:
    """Whether a call may go out with it: it isn't the one that the vendor has just refused, nor about to end."""
    return pair.access != refused and pair.renew_at > real


def is_leased(grant: Grant, real: datetime) -> bool:
    """Whether somebody's claim, or the grace past it, still holds."""
    return holds(grant.lease_until, real, TAKE_OVER_GRACE)


def claimed(grant: Grant, real: datetime, wake_at: datetime, code: CodeUse | None = None) -> Grant:
    """The grant with a claim of ours; `wake_at` is when others may take it over."""
    return grant.model_copy(
        update={
            "claim": grant.claim + 1, "lease_until": real + timedelta(seconds=LEASE), "wake_at": wake_at,
            "code": code or grant.code,
        }
    )  # fmt: skip


def with_pair(grant: Grant, sealed: str, real: datetime, wake_at: datetime) -> Grant:
    """A refresh gave a new pair: it is the present one, and the one before is kept until it has worked."""
    spares = tuple(spare for spare in (grant.sealed, *grant.spares) if spare)[:SPARES]
    return grant.model_copy(
        update={
            "sealed": sealed, "spares": spares, "worked": False, "issued_at": real, "dead": False, "trouble": None,
            "again_at": None, "needs_hand": False,
            "lease_until": None, "wake_at": wake_at, "wake_step": 0,
        }
    )  # fmt: skip


def with_late_pair(grant: Grant, sealed: str, real: datetime, wake_at: datetime) -> Grant:
    """A pair that comes when the claim it was asked under is no longer ours: merged, not dropped (DESIGN 5.4).

    It revives a grant that was thought dead, but never one that its owner took back; beside a pair that hasn't
    worked yet it is a spare; a pair that has worked proves it superseded.
    """
    if grant.worked or grant.sealed is None:
        return grant
    if grant.dead:
        return with_pair(grant, sealed, real, wake_at)
    return grant.model_copy(update={"spares": (sealed, *grant.spares)[:SPARES]})


def failed(grant: Grant, failure: Failure, now: datetime, real: datetime, asked_with: str) -> Grant:
    """No pair came, and the claim is given back. Dead only when the vendor will take none of its tokens; else nobody
    asks again for a while, or for as long as the vendor says."""
    hold = max(min(HOLD * 2**grant.wake_step, LONGEST_HOLD), timedelta(seconds=min(failure.after or 0.0, 86400.0)))
    dead = failure.do == "reauthorise"
    again = now + min(AGAIN_AFTER * 2**grant.wake_step, AGAIN_AT_LAST)
    return grant.model_copy(
        update={
            "dead": dead, "worked": grant.worked and not dead, "trouble": failure.trouble, "lease_until": None,
            "again_at": real + hold if failure.heard and not dead else None, "needs_hand": failure.do == "block",
            "asked_with": asked_with,
            "wake_at": None if dead else again, "wake_step": min(grant.wake_step + 1, 16),
        }
    )  # fmt: skip


def proven(grant: Grant) -> Grant:
    """The present pair has worked: those before it are of no use any more."""
    return grant.model_copy(update={"worked": True, "spares": ()})
