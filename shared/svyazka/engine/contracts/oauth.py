"""How a vendor speaks OAuth, as data that its connector gives; and what its redirect may bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True, slots=True)
class TokenError:
    """One row of a vendor's table of refusals, the first that fits counts.

    `reauthorise`: this code or refresh token will never be taken. `block`: a setting is wrong, the tokens may
    be good. `retry`: not now.
    """

    status: int | None
    """None: whatever the status, also 200."""
    says: str
    """A fragment of the answer's `OAuthApp.texts`, in any case; empty: whatever it says."""
    do: Literal["reauthorise", "block", "retry"]
    code: str
    what: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class OAuthApp:
    """One connection's integration at a vendor (RFC 6749: authorization code, refresh with rotation)."""

    client_id: str
    client_secret: str
    redirect_uri: str | None
    """None where the vendor takes it from the integration's card and never asks for it."""
    consent_url: str
    """The page where a person agrees; `client_id`, `state` and `consent_params` are added."""
    token_path: str
    """Under the account's address, or a whole URL where the vendor has one for all."""
    errors: Sequence[TokenError]
    base_url: str | None = None
    """The account's address where the settings tell it; else the redirect does."""
    consent_params: Mapping[str, str] = field(default_factory=dict)
    encoding: Literal["json", "form", "query"] = "json"
    """`query`: a GET, with everything in its address."""
    address_in: str | None = None
    """Where the token answer tells the account's address; it outranks what the redirect told, and follows an account
    that moves."""
    texts: tuple[str, ...] = ("error", "error_description")
    """Where a refusal says what it is."""
    access_life: timedelta = timedelta(hours=1)
    """Of an access token that doesn't say."""
    refresh_life: timedelta | None = None
    """How long an unused refresh token stays good; None: for ever."""
    renew_every: timedelta = timedelta(days=7)
    """The timer that keeps an idle grant alive."""


@dataclass(frozen=True, slots=True)
class AuthorisationCode:
    """A redirect brought a code; `base_url`: the account that it is for, where the redirect names it."""

    code: str
    base_url: str | None = None


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The vendor's genuine notice that the account's owner switched us off."""

    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """What came is not to be believed, or isn't for this connection."""

    reason: str


Redirected = AuthorisationCode | Withdrawal | Rejected
