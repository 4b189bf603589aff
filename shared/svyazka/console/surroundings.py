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

from svyazka.apply import tenants_in
from svyazka.catalogue import Language
from svyazka.cli.masking import Masker
from svyazka.engine.ports.clock import Clock
from svyazka.engine.ports.store import Store
from svyazka.engine.security.keyring import Keyring
from svyazka.model.requests import Role, SignedIn
from svyazka.model.tenants import Tenant

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

    samples: dict[str | None, object] = field(default_factory=dict, repr=False)
    """What pictures are made of, by tenant: a minute old at most."""

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
    all_tenants: Mapping[str, Tenant]
    _form: dict[str, str] | None = None

    @cached_property
    def tenants(self) -> Mapping[str, Tenant]:
        """Those that he may see."""
        mine = self.session.tenant
        return {id_: one for id_, one in self.all_tenants.items() if mine in (None, id_)}

    @property
    def store(self) -> Store:
        return self.around.store

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
        """What a form brought; the last of several values of a name."""
        if self._form is None:
            body = await self.request.body()
            self._form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=50))
        return self._form

    def asked(self, name: str) -> str:
        """A value of the query, or nothing."""
        return self.request.query_params.get(name, "").strip()[:200]

    def tenant(self) -> str | None:
        """The one that is asked about: the only one, or that of the query; None for all. 404 for another's."""
        name = self.asked("tenant")
        if name and name not in self.tenants:
            raise HTTPException(404)
        return name or self.session.tenant or (next(iter(self.tenants)) if len(self.tenants) == 1 else None)

    def check(self, tenant: str) -> None:
        """404 for what isn't his to see: whether it exists is none of his business either."""
        if tenant not in self.tenants:
            raise HTTPException(404)

    def may(self, tenant: str, needed: Role = Role.OPERATOR) -> bool:
        return self.session.may(tenant, needed)

    def zone(self, tenant: str | None) -> tzinfo:
        """That of a tenant; of all together the one that they share."""
        if tenant is not None and tenant in self.tenants:
            return ZoneInfo(self.tenants[tenant].timezone)
        zones = {one.timezone for one in self.tenants.values()}
        return ZoneInfo(zones.pop()) if len(zones) == 1 else UTC

    def masker(self, reveal: bool = False) -> Masker:
        return Masker(reveal)


def language_of(request: Request) -> Language:
    """Russian, unless the browser asks for English and for no Russian."""
    asked = request.headers.get("accept-language", "").lower()
    return "en" if "en" in asked and "ru" not in asked else "ru"
