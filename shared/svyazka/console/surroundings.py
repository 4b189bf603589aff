"""What the console's pages share: the store, the clock, the keys by which people are found, and whose call it is."""

from __future__ import annotations

import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from functools import cached_property
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.requests import Request

from svyazka.catalogue import Language
from svyazka.console.rates import Bucket
from svyazka.console.veiling import unveiled
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.clock import Clock
from svyazka.engine.ports.store import Store
from svyazka.engine.rules.access import google_proof, roles_in
from svyazka.engine.security.keyring import Keyring
from svyazka.model.requests import Role, SignedIn
from svyazka.model.tenants import Tenant
from svyazka.reading.masking import Masker
from svyazka.reading.tenants import tenants_in

ASKS_A_MINUTE, TRIES_A_MINUTE = 10, 30

TAKES_MONEY = "take_payment"

BELIEVED = 5.0
"""Seconds for which what is known of tenants is taken for true: they change by hand."""


@dataclass
class Surroundings:
    """One installation, as the console sees it."""

    store: Store
    clock: Clock
    keyring: Keyring
    _tenants: tuple[float, Mapping[str, Tenant]] = field(default=(0.0, {}), repr=False)

    async def tenants(self) -> Mapping[str, Tenant]:
        """Every tenant by id."""
        until, tenants = self._tenants
        if time.monotonic() >= until:
            tenants = {one.id: one for one in await tenants_in(self.store)}
            self._tenants = (time.monotonic() + BELIEVED, tenants)
        return tenants

    async def let_in(self, session: SignedIn) -> tuple[Mapping[str, Tenant], Mapping[str, Role]]:
        """What a session opens now: the tenants, and what it may do for each. Of a person of tenants' files these are
        read anew: whoever was taken from one is out with the next call."""
        tenants = await self.tenants()
        if session.way != "link":
            concerned = sorted({*roles_in(self.keyring, session, tenants), *filter(None, (session.tenant,))})
            held = await self.store.get_many([("tenants", one) for one in concerned])
            tenants = {one.id: one for one in (journal.read(Tenant, doc).model for doc in held if doc is not None)}
        roles = roles_in(self.keyring, session, tenants)
        return {id_: one for id_, one in tenants.items() if id_ in roles}, roles

    samples: dict[str | None, object] = field(default_factory=dict, repr=False)
    """What pictures are made of, by tenant: a minute old at most."""

    asks: Bucket = field(default_factory=lambda: Bucket(ASKS_A_MINUTE), repr=False)
    """Of codes, by everybody together: an address by itself is limited by the worker."""
    tries: Bucket = field(default_factory=lambda: Bucket(TRIES_A_MINUTE), repr=False)

    opens_by_link: bool = True
    """Whether one comes in by links and codes; else by a Google account alone."""

    def forget_tenants(self) -> None:
        """One of them was changed just now."""
        self._tenants = (0.0, {})


@dataclass
class Visit:
    """One call of somebody who has come in."""

    request: Request
    around: Surroundings
    session: SignedIn
    cookie: str
    tenants: Mapping[str, Tenant]
    """Those that he may see."""
    roles: Mapping[str, Role]
    """And what he may do for each."""
    is_new: bool = False
    """The browser hasn't its cookie yet."""
    _form: dict[str, str] | None = None

    @property
    def role(self) -> Role:
        """The most that he may do anywhere."""
        return max(self.roles.values(), key=list(Role).index, default=self.session.role)

    @property
    def sees_all(self) -> bool:
        """Whether it is one of those who run the installation."""
        return self.session.way == "link" and self.session.tenant is None

    @property
    def store(self) -> Store:
        return self.around.store

    @property
    def takes_money(self) -> bool:
        """Whether any of its businesses has payments to show."""
        return any(takes_money(one) for one in self.tenants.values())

    @cached_property
    def language(self) -> Language:
        return language_of(self.request)

    @property
    def form_key(self) -> str:
        """What a form of ours bears: no page of a stranger's can know it."""
        return self.around.keyring.mark("console form", self.cookie)

    @property
    def seed(self) -> bytes:
        """Of this session's own lock: only who has the cookie can make it."""
        return hmac.digest(self.cookie.encode(), b"shown to this session", "sha256")

    async def form(self) -> dict[str, str]:
        if self._form is None:
            keyring = self.around.keyring
            self._form = {name: unveiled(keyring, one) for name, one in (await form_of(self.request)).items()}
        return self._form

    def asked(self, name: str) -> str:
        """A value of the query, or nothing."""
        return self.request.query_params.get(name, "").strip()[:200]

    def tenant(self) -> str | None:
        """The one that is asked about: the only one, or that of the query; None for all. 404 for another's."""
        name = self.asked("tenant")
        if name and name not in self.tenants:
            raise HTTPException(404)
        return name or (next(iter(self.tenants)) if len(self.tenants) == 1 else None)

    def check(self, tenant: str) -> None:
        """404 for what isn't his to see: whether it exists is none of his business either."""
        if tenant not in self.tenants:
            raise HTTPException(404)

    def may(self, tenant: str, needed: Role = Role.OPERATOR) -> bool:
        role = self.roles.get(tenant)
        return role is not None and role.covers(needed)

    def who(self, tenant: str) -> str:
        """What the audit of a tenant calls whoever it is: a Google account's owner as this tenant's own file does. What
        another's file calls the account is that one's word, and could be a stranger's name."""
        if self.session.way != "google":
            return self.session.who
        keyring, proof = self.around.keyring, self.session.proof
        mine = (one for one in self.tenants[tenant].people if one.google and google_proof(keyring, one.google) == proof)
        return next((one.name for one in mine), self.session.who)

    def zone(self, tenant: str | None) -> tzinfo:
        """That of a tenant; of all together the one that they share."""
        if tenant is not None and tenant in self.tenants:
            return ZoneInfo(self.tenants[tenant].timezone)
        zones = {one.timezone for one in self.tenants.values()}
        return ZoneInfo(zones.pop()) if len(zones) == 1 else UTC

    def masker(self, reveal: bool = False) -> Masker:
        return Masker(reveal)


def takes_money(tenant: Tenant) -> bool:
    """Whether it has payments to show."""
    return any(flow.flow == TAKES_MONEY for flow in tenant.flows)


async def form_of(request: Request) -> dict[str, str]:
    """What a form brought; the last of several values of a name."""
    body = await request.body()
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=50))
    except ValueError:
        raise HTTPException(400) from None


def language_of(request: Request) -> Language:
    """Russian, unless the browser asks for English and for no Russian."""
    asked = request.headers.get("accept-language", "").lower()
    return "en" if "en" in asked and "ru" not in asked else "ru"
