"""Bitrix24, as the tests know it."""

from __future__ import annotations

from collections.abc import Iterator

from simulators.bitrix24 import Bitrix24
from svyazka.connectors.bitrix24 import client
from svyazka.connectors.bitrix24.settings import Bitrix24Settings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.failures import Case
from svyazka.model.events import Entity
from vendors.parts import Asked, Question, Vendor


async def _ask(call: Call[Bitrix24Settings]) -> object:
    return await client.ask(call, "profile")


def _says(case: Case) -> Iterator[tuple[int, object]]:
    for status in (400, 200):
        yield case.status or status, {"error": case.code or "", "error_description": case.phrase or "..."}


VENDOR = Vendor(
    name="bitrix24",
    asked=Asked(
        "bitrix24", {}, Bitrix24.credentials,
        entity=Entity(kind="deal", id="7"),
        questions=(Question(path="/rest/*", ask=_ask, says=_says),),
        wrong={"webhook_url": "https://b24-demo0000.bitrix24.ru/rest/1/nosuchcode0000/"},
    ),
)  # fmt: skip
