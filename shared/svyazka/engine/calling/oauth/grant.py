"""What becomes of a grant: pure functions from (grant, what happened) to grant, and its sealing."""

from __future__ import annotations

from datetime import datetime, timedelta

from svyazka.engine.calling.oauth.endpoint import Failure
from svyazka.engine.rules.deadlines import LEASE, TAKE_OVER_GRACE, holds
from svyazka.engine.security.keyring import Keyring
from svyazka.model.grants import CodeUse, Grant, Pair

AGAIN_AFTER, AGAIN_AT_LAST = timedelta(minutes=15), timedelta(days=1)
"""When the sweep tries anew what failed and nobody has needed since: after the first, doubling up to the last."""

SPARES = 3
"""Pairs kept beside the present one while it hasn't worked yet."""


def seal(keyring: Keyring, grant_id: str, pair: Pair) -> str:
    """A pair as it is stored."""
    return keyring.seal("vault", pair.model_dump_json(), f"{grant_id}.oauth")


def unseal(keyring: Keyring, grant_id: str, sealed: str) -> Pair:
    """A stored pair. Raises ConfigError when the key that sealed it isn't here."""
    return Pair.model_validate_json(keyring.unseal("vault", sealed, f"{grant_id}.oauth"), extra="ignore")


def usable(pair: Pair, refused: str | None, real: datetime) -> bool:
    """Whether a call may go out with it: it isn't the one that the vendor has just refused, nor about to end."""
    return pair.access != refused and pair.renew_at > real


def is_held(grant: Grant, real: datetime) -> bool:
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


def failed(grant: Grant, failure: Failure, now: datetime) -> Grant:
    """No pair came, and the claim is given back. Dead only when the vendor will take none of its tokens."""
    dead = failure.do == "reauthorise"
    again = now + min(AGAIN_AFTER * 2**grant.wake_step, AGAIN_AT_LAST)
    return grant.model_copy(
        update={
            "dead": dead, "worked": grant.worked and not dead, "trouble": failure.trouble, "lease_until": None,
            "wake_at": None if dead else again, "wake_step": min(grant.wake_step + 1, 16),
        }
    )  # fmt: skip


def proven(grant: Grant) -> Grant:
    """The present pair has worked: those before it are of no use any more."""
    return grant.model_copy(update={"worked": True, "spares": ()})
