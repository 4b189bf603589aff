"""Whom the identity-aware proxy has signed for comes into the console; nobody else does."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.auth import jwt
from google.auth.crypt.es import EsSigner

from backends.google.http_server import Asked, response, serving
from console.visitor import form_key
from fakes import House, order
from simulators.cloudtasks import Signer
from svyazka.backends.google.proxy import HEADER, ISSUER, ProxyCheck
from svyazka.console.app import console
from svyazka.console.behind_proxy import ByAccount
from svyazka.console.surroundings import Surroundings
from svyazka.engine.journal import documents as journal
from svyazka.model.deliveries import AuditLine
from svyazka.model.tenants import Person, Tenant

AUDIENCE = "/projects/123456789012/global/backendServices/42"
HOST = "console.example.org"
OWNER, MARIA, NOBODY = "owner@example.org", "maria@example.org", "nobody@example.org"


class Proxy:
    """Signs as Google's does."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self._signer = EsSigner.from_string(private, "k1")  # type: ignore[no-untyped-call]
        self.keys = {"k1": public.decode()}

    def word(self, account: str | None = OWNER, **changed: Any) -> str:
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 600, "sub": "accounts.google.com:1"}
        claims |= {"email": account} if account else {}
        signed: bytes = jwt.encode(self._signer, {**claims, **changed})  # type: ignore[no-untyped-call]
        return signed.decode()


@pytest.fixture(scope="module")
def proxy() -> Proxy:
    return Proxy()


@pytest.fixture
async def check(proxy: Proxy) -> Any:
    async def keys(asked: Asked) -> bytes:
        return response(json.dumps(proxy.keys).encode(), 200, "Cache-Control: public, max-age=3600")

    async with serving(keys) as server:
        yield ProxyCheck(AUDIENCE, f"{server.url}/iap/verify/public_key")


async def test_an_account_is_believed_only_where_the_proxy_signed_for_it_and_for_us(
    proxy: Proxy, check: ProxyCheck
) -> None:
    assert await check.account(proxy.word("Owner@Example.org")) == OWNER
    ago = int(time.time()) - 1000
    refused = [
        "", "a.b.c", proxy.word(aud="/projects/123456789012/global/backendServices/43"), proxy.word(iss="https://x"),
        proxy.word(iat=ago, exp=ago + 600), proxy.word(None), proxy.word("maria"), Proxy().word(),
        proxy.word()[:-4] + "AAAA", Signer().id_token(OWNER, AUDIENCE),
    ]  # fmt: skip
    assert [await check.account(one) for one in refused] == [None] * len(refused)


class Browser:
    """One that the proxy stands before."""

    def __init__(self, house: House, check: ProxyCheck, word: str) -> None:
        around = Surroundings(house.store, house.clock, house.keyring.only("mint"))
        app = console(around, {HOST}, secure=True, gate=ByAccount(check, frozenset({OWNER})))
        headers = {HEADER: word, "accept-language": "ru"}
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"https://{HOST}", headers=headers)

    async def page(self, path: str, status: int = 200) -> str:
        answer = await self.http.get(path)
        assert answer.status_code == status, answer.text
        return answer.text


@pytest.fixture
async def house() -> House:
    house = House()
    await house.settle_in()
    await named(house, {"name": "Мария", "role": "operator", "google": "Maria@example.org"})
    await house.store.commit([journal.create(Tenant(id="bar", name="Бар за углом", timezone="Europe/Moscow"))])
    await house.post(order())
    await house.run()
    return house


async def named(house: House, *people: dict[str, str], tenant: str = "kofe") -> None:
    held = await journal.load(house.store, Tenant, tenant)
    assert held is not None
    now = held.model.model_copy(update={"people": tuple(Person.model_validate(one) for one in people)})
    await house.store.commit([journal.replace(now, held.version)])


async def test_each_account_is_what_the_files_and_the_installation_say(
    house: House, proxy: Proxy, check: ProxyCheck
) -> None:
    owner, maria = Browser(house, check, proxy.word(OWNER)), Browser(house, check, proxy.word(MARIA))
    await owner.page("/?tenant=bar")
    assert "Мария" in await owner.page("/people?tenant=kofe")
    page = await maria.page("/systems")
    assert "Мария" in page
    assert "Пауза" in page
    await maria.page("/?tenant=bar", 404)
    await maria.page("/people", 403)
    for word in (proxy.word(NOBODY), proxy.word(MARIA, aud="x"), ""):
        stranger = Browser(house, check, word)
        assert "Кофейня" not in await stranger.page("/", 401)
    assert len([one for one in house.store.documents.values() if one.kind == "signed_in"]) == 2
    cookie = (await Browser(house, check, proxy.word(MARIA)).http.get("/nowhere")).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Secure"} <= set(cookie.split("; "))


async def test_another_accounts_cookie_is_of_no_use(house: House, proxy: Proxy, check: ProxyCheck) -> None:
    """The cookie says which browser it is; whose call it is, the proxy says each time."""
    owner, maria = Browser(house, check, proxy.word(OWNER)), Browser(house, check, proxy.word(MARIA))
    await owner.page("/")
    await maria.page("/")
    maria.http.cookies = owner.http.cookies
    await maria.page("/?tenant=bar", 404)
    form = {"form_key": form_key(await owner.page("/")), "tenant": "kofe", "wish": "pause", "about": "sms", "key": "1"}
    maria.http.cookies = owner.http.cookies
    assert (await maria.http.post("/do", data=form)).status_code == 401


async def test_a_button_is_done_and_whoever_leaves_the_file_is_out(
    house: House, proxy: Proxy, check: ProxyCheck
) -> None:
    maria = Browser(house, check, proxy.word(MARIA))
    form = {"tenant": "kofe", "wish": "pause", "about": "sms", "key": "1", "form_key": form_key(await maria.page("/"))}
    answer = await maria.http.post("/do", data=form)
    assert answer.status_code == 303
    await house.run()
    assert "Готово" in await maria.page(answer.headers["location"])
    form |= {"wish": "resume", "key": "2"}
    late = (await maria.http.post("/do", data=form)).headers["location"]
    await named(house)
    await maria.page("/", 401)
    await house.run()
    owner = Browser(house, check, proxy.word(OWNER))
    assert "Не сделано" in await owner.page(late)


async def test_the_audit_calls_an_account_what_the_business_itself_calls_it(
    house: House, proxy: Proxy, check: ProxyCheck
) -> None:
    await named(house, {"name": "Хозяин кофейни", "role": "owner", "google": MARIA}, tenant="bar")
    await named(house, {"name": "Мария", "role": "operator", "google": MARIA})
    maria = Browser(house, check, proxy.word(MARIA))
    form = {"tenant": "kofe", "wish": "pause", "about": "sms", "key": "1", "form_key": form_key(await maria.page("/"))}
    await maria.http.post("/do", data=form)
    await maria.http.post(f"/story/{house.events()[0].event.id}", data={**form, "why": "клиент звонит"})
    await house.run()
    lines = [journal.read(AuditLine, one).model for one in house.store.documents.values() if one.kind == "audit"]
    assert {one.action: one.who for one in lines if one.tenant == "kofe"} == {"pause": "Мария", "reveal": "Мария"}


async def test_links_and_codes_are_no_way_in_there(house: House, proxy: Proxy, check: ProxyCheck) -> None:
    stranger = Browser(house, check, "")
    for path in ("/enter/x", "/sign-in"):
        assert (await stranger.http.get(path)).status_code in (401, 404)
        assert (await stranger.http.post(path, data={"who": "x"})).status_code in (401, 404)
    assert not [one for one in house.store.documents.values() if one.kind == "sign_ins"]
