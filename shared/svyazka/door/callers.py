"""Who calls: which site by which of its two keys, from which page, and from where.

The public key stands in the page for everybody to read, so it may append and look at a calendar, never read a person
or decide a price. The server key is the site's back end's. Both are made of one generation and rotate together.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from svyazka.catalogue import N_
from svyazka.connectors.site.settings import SiteSettings
from svyazka.engine.contracts.webhook import Answer, RawRequest
from svyazka.engine.intake.receive import problem
from svyazka.engine.security.keyring import Keyring, WebhookKey
from svyazka.model.tenants import CompiledConnection

PUBLIC, SERVER = "site", "site.server"
"""What the keys are minted for."""

ALLOWED_HEADERS = "Content-Type, Idempotency-Key, X-Session, X-Site-Key"
"""What a page may send. The server key's headers aren't among them: a secret that stands in a page works nowhere."""

NO_KEY = problem(401, "No key", "expected the site's key in X-Site-Key or ?key=, or its server key in X-Site-Secret")
WRONG_KEY = problem(401, "Wrong key", "this key isn't one of ours, or it was rotated: `svyazka urls TENANT` prints it")


@dataclass(frozen=True, slots=True)
class Claim:
    """A genuine key: the site's server key, or the one that stands in its pages."""

    key: WebhookKey
    server: bool


@dataclass(frozen=True, slots=True)
class Caller:
    """A call's site and rights."""

    site: CompiledConnection
    settings: SiteSettings
    server: bool
    page: str | None
    """The origin of the page, one of the site's own; None where no page of its is known to be behind the call."""
    address: str
    """Keyed hash of where the call comes from."""

    @property
    def owner(self) -> str:
        return f"{self.site.tenant}.{self.site.connection}"

    @property
    def by(self) -> str:
        return "server" if self.server else "public"


def claim_in(head: RawRequest, keyring: Keyring) -> Claim | Answer:
    """The key that a call bears, or why it isn't let in. Touches no store."""
    scheme, _, bearer = (head.header("authorization") or "").partition(" ")
    secret = head.header("x-site-secret") or (bearer if scheme.lower() == "bearer" else "")
    if secret:
        key = keyring.read(SERVER, secret.strip())
        return Claim(key, server=True) if key is not None else WRONG_KEY
    public = head.header("x-site-key") or head.params().get("key") or ""
    if not public:
        return NO_KEY
    key = keyring.read(PUBLIC, public.strip())
    return Claim(key, server=False) if key is not None else WRONG_KEY


def page_of(head: RawRequest, settings: SiteSettings) -> str | Answer | None:
    """The origin of the page behind a call: one of the site's, None where none is said, or a refusal.

    This protects nobody (curl says what it likes): it keeps pages of others from reading what a visitor may see.
    """
    origin = (head.header("origin") or "").strip().lower()
    if not origin or origin == "null" or origin.partition("://")[2] == (head.header("host") or "").lower():
        return None  # a page of ours (a table's) is no page of the site's
    if origin in settings.origins:
        return origin
    return problem(
        403, "Not this site's page", N_("this page's origin isn't among the site's `origins` in the tenant file")
    )


def with_cors(answer: Answer, page: str | None) -> Answer:
    """An answer that only the site's own pages can read, and that nobody keeps."""
    headers = {"Vary": "Origin", "Cache-Control": "no-store", **answer.headers}
    if page is not None:
        headers |= {"Access-Control-Allow-Origin": page, "Access-Control-Expose-Headers": "Retry-After"}
    return Answer(answer.status, answer.body, answer.content_type, headers)


def preflight(head: RawRequest) -> Answer:
    """The answer to a browser that asks whether it may ask: without the store, whoever it is. The call itself says
    whether its page may read."""
    origin = head.header("origin") or ""
    headers = {
        "Vary": "Origin", "Access-Control-Allow-Methods": "GET, POST", "Access-Control-Allow-Headers": ALLOWED_HEADERS,
        "Access-Control-Max-Age": "7200",
    }  # fmt: skip
    if origin.isascii() and origin.isprintable() and len(origin) <= 300:
        headers["Access-Control-Allow-Origin"] = origin or "null"
    return Answer(204, b"", "text/plain", headers)


def address_of(head: RawRequest, peer: str, proxies: int) -> str:
    """Where a call comes from: the peer, or what the trusted proxies in front of us (so many) said of theirs. A
    network of IPv6 counts as one, for a household has all of it."""
    # A proxy may add its own header below the caller's in place of a word to it.
    lines = [value.decode("latin-1") for name, value in head.headers if name == b"x-forwarded-for"]
    said = [part.strip() for part in ",".join(lines).split(",") if part.strip()]
    text = said[-proxies] if 0 < proxies <= len(said) else peer
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return text[:64]
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return str(ipaddress.ip_network((found, 64), strict=False))
        found = found.ipv4_mapped  # what listens for both sees IPv4 so: one network of all of them would be everybody
    return str(found)
