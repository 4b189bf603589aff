"""A browser's way of calling the console, without one."""

from __future__ import annotations

import re
from html import unescape
from typing import Protocol

import httpx
import pytest

from dying import Killed, dies_once
from fakes import House, SteppedClock
from svyazka.console.app import console
from svyazka.console.gates import COOKIE
from svyazka.console.surroundings import Surroundings
from svyazka.engine.ports.store import Store
from svyazka.engine.security.keyring import Keyring
from svyazka.model.requests import Role
from svyazka.signing_in import Invitation, invite

HOST = "127.0.0.1:8082"


class Home(Protocol):
    """An installation, of fakes or whole."""

    @property
    def store(self) -> Store: ...

    @property
    def clock(self) -> SteppedClock: ...

    @property
    def keyring(self) -> Keyring: ...


class Visitor:
    """Somebody with a browser. `cookie`: what he came in with."""

    def __init__(self, house: Home) -> None:
        self.house = house
        self.around = Surroundings(house.store, house.clock, house.keyring.only("mint"))
        transport = httpx.ASGITransport(console(self.around, {HOST}, now=lambda: house.clock.now().timestamp()))
        self.http = httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}", headers={"accept-language": "ru"})

    async def come_in(self, role: Role = Role.OWNER, tenant: str | None = None) -> Visitor:
        token = await invite(self.house.store, self.house.clock, Invitation("ivan", role, tenant))
        answer = await self.http.post(f"/enter/{token}", headers={"content-length": "0"})
        assert answer.status_code == 303
        assert self.http.cookies.get(COOKIE)
        return self

    async def page(self, path: str, status: int = 200) -> str:
        answer = await self.http.get(path)
        assert answer.status_code == status, answer.text
        return answer.text

    async def press(self, page: str, label: str, **filled: str) -> str:
        """Send the form with this button, as it stands on the page, with what is typed in besides; the page that the
        answer leads to."""
        for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", page, re.DOTALL):
            if re.search(rf"<button[^>]*>\s*{re.escape(label)}\s*</button>", form):
                action = re.search(r'action="([^"]*)"', form)
                assert action
                return await self.sent(unescape(action[1]), {**fields(form), **filled})
        raise AssertionError(f"no button {label!r}")

    async def sent(self, action: str, form: dict[str, str]) -> str:
        answer = await self.http.post(action, data=form)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]


async def dies_before_its_answer(house: House) -> None:
    """The worker, when it has carried out what was asked; another one takes its place."""

    with dies_once("request.before_answer"), pytest.raises(Killed):
        await house.run()
    house.start()


def form_key(page: str) -> str:
    """What a page's forms bear."""
    return page.partition('name="form_key" value="')[2].partition('"')[0]


def fields(form: str) -> dict[str, str]:
    """What a form's hidden inputs hold."""
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form)
    return {name: unescape(value) for name, value in found}
