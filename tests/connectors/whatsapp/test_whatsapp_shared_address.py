"""Several numbers of one application behind one address: each event reaches the connection of its number, and nobody
else; a claim without the application's secret opens nothing."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable
from typing import Any

import pytest

from fakes import START, MemoryStore, SteppedClock
from svyazka.apply import ApplyPlan, commit_apply, plan_apply, set_secret
from svyazka.connectors.registry import load_manifest
from svyazka.connectors.whatsapp.webhook import WEBHOOK
from svyazka.engine.contracts.webhook import Answer, RawRequest
from svyazka.engine.intake.receive import Receiver
from svyazka.engine.security.keyring import Keyring
from svyazka.engine.tenants.directory import Directory
from svyazka.flows.registry import load_flow
from svyazka.model.tenants import ConnectionSpec, Tenant

OURS, OTHERS = "app-secret-of-our-application", "app-secret-of-another-one"


def change(number: str | None, words: str) -> dict[str, Any]:
    message = {"id": f"wamid.{words}", "from": "79991234567", "type": "text", "text": {"body": words}}
    told = {"messages": [message]} if number else {"event": "DISABLED_UPDATE"}
    return {
        "field": "messages" if number else "account_update",
        "value": {**told, **({"metadata": {"phone_number_id": number}} if number else {})},
    }


class App:
    """A hub with tenants whose connections share Meta's applications."""

    def __init__(self) -> None:
        self.store, self.clock = MemoryStore(), SteppedClock(START)
        self.keyring = Keyring.from_json({name: Keyring.generate() for name in ("mint", "verify", "vault")})
        self.directory = Directory(self.store, self.keyring, load_manifest, load_flow)

    async def apply(self, tenant: str, secret: str = OURS, **numbers: str | int | None) -> ApplyPlan:
        """A tenant with a connection for each of these numbers."""
        connections = {
            name: ConnectionSpec(
                vendor="whatsapp",
                settings={"app_secret": {"secret": "app"}, **({"phone_number_id": number} if number else {})},
            )
            for name, number in numbers.items()
        }
        model = Tenant(id=tenant, name=tenant, timezone="Europe/Moscow", connections=connections)
        plan = await plan_apply(self.store, self.directory, self.keyring, model)
        await commit_apply(self.store, self.directory, plan)
        await set_secret(self.store, self.directory, self.keyring, tenant, "app", secret)
        return plan

    async def hear(self, at: str, *entries: Iterable[dict[str, Any]], secret: str = OURS) -> Answer:
        """Meta calls a connection's address."""
        content = {
            "object": "whatsapp_business_account",
            "entry": [{"id": str(n), "changes": list(changes)} for n, changes in enumerate(entries)],
        }
        body = json.dumps(content).encode()
        signature = f"sha256={hmac.digest(secret.encode(), body, 'sha256').hex()}"
        tenant, _, connection = at.partition(".")
        query = f"key={self.keyring.mint('whatsapp', tenant, connection)}".encode()
        head = RawRequest("POST", "/hook", query, [(b"x-hub-signature-256", signature.encode())], b"")

        async def read(limit: int) -> bytes | None:
            return body

        return await Receiver(WEBHOOK, self.store, self.keyring, self.clock).handle(head, read)

    def heard(self) -> dict[str, list[str]]:
        """By connection, the texts that stand in its journal, in whatever document."""
        words = ("one", "two", "three", "four")
        found: dict[str, set[str]] = {}
        for (kind, _), document in self.store.documents.items():
            if kind in ("events", "raws"):
                owner = f"{document.fields['tenant']}.{document.fields['connection']}"
                there = {word for word in words if f"wamid.{word}" in document.data.decode()}
                found[owner] = found.get(owner, set()) | there
        return {owner: sorted(there) for owner, there in found.items()}


@pytest.fixture
def app() -> App:
    return App()


async def test_each_number_is_heard_by_its_own_connection_across_tenants(app: App) -> None:
    await app.apply("kofe", wa="111", hall=222)
    await app.apply("dom", wa="333")
    batch = [[change("111", "one"), change("222", "two")], [change("333", "three"), change(None, "")]]
    for _ in range(2):  # and again, as Meta does when it was not answered in time
        answer = await app.hear("kofe.wa", *batch)
        assert answer.status == 200
    assert app.heard() == {"kofe.wa": ["one"], "kofe.hall": ["two"], "dom.wa": ["three"]}
    assert sum(kind == "events" for kind, _ in app.store.documents) == 4


async def test_what_is_all_anothers_leaves_nothing_behind(app: App) -> None:
    await app.apply("kofe", wa="111")
    await app.apply("dom", wa="333")
    assert (await app.hear("kofe.wa", [change("333", "three")])).status == 200
    assert app.heard() == {"dom.wa": ["three"]}


async def test_a_claim_without_the_applications_secret_opens_nothing(app: App) -> None:
    await app.apply("kofe", wa="111")
    await app.apply("thief", OTHERS, wa="222")
    await app.hear("kofe.wa", [change("222", "two")])
    assert app.heard() == {"kofe.wa": ["two"]}, "kept as of another number, where it came"
    (event,) = [document for (kind, _), document in app.store.documents.items() if kind == "events"]
    assert event.fields["status"] == "ignored"


async def test_a_connection_without_a_number_hears_what_nobody_claims(app: App) -> None:
    await app.apply("kofe", wa=None)
    await app.apply("dom", wa="333")
    await app.hear("kofe.wa", [change("333", "three"), change("444", "four")])
    assert app.heard() == {"kofe.wa": ["four"], "dom.wa": ["three"]}


async def test_a_number_that_moved_or_went_away_is_heard_by_nobody_in_its_old_place(app: App) -> None:
    await app.apply("kofe", wa="111")
    await app.apply("dom", wa="333", hall="222")
    await app.apply("dom", wa="444")
    await app.hear("kofe.wa", [change("333", "three"), change("222", "two")], [change("444", "four")])
    assert app.heard() == {"kofe.wa": ["three", "two"], "dom.wa": ["four"]}


async def test_two_connections_of_one_number_are_warned_of(app: App) -> None:
    assert (await app.apply("kofe", wa="111")).warnings == []
    (said,) = (await app.apply("dom", wa="111")).warnings
    assert said.startswith("dom.wa: kofe.wa has the same whatsapp id")


async def test_when_a_part_cannot_be_kept_meta_is_asked_to_come_again(app: App) -> None:
    await app.apply("kofe", wa="111")
    await app.apply("dom", wa="333")
    app.store.down = True
    assert (await app.hear("kofe.wa", [change("111", "one"), change("333", "three")])).status == 503
