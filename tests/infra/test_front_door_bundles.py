"""The front door as it is deployed: its function asks the worker's over HTTP, each from its bundle, under the
identities that Terraform gives them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import httpx
import pytest

from backends.google.deployment import ACCOUNT
from chaos.google import QUICK, Cloud, GoogleInstallation
from chaos.installation import TENANT
from chaos.leaks import leaks
from infra.serving import serving
from infra.unpacked import Bundles
from simulators.cloudtasks import Clock, CloudTasks
from simulators.cloudtasks.testing import serve as serve_tasks
from simulators.registry import load_simulator
from simulators.serve import serve as serve_vendors
from svyazka.door.callers import SERVER
from vendors import SOURCES, VENDORS
from vendors.parts.base import UNHURRIED

INGEST = "worker@loopback.iam.gserviceaccount.com"
"""Whom the stand-in of the metadata server vouches for."""

CRM, CALENDAR = VENDORS["amocrm"].crm, VENDORS["yclients"].calendar
assert CRM is not None
assert CALENDAR is not None


class Site(GoogleInstallation):
    """A site before a calendar and a CRM."""

    def __init__(self, folder: Path, bundles: Bundles, firestore: str, stack: AsyncExitStack) -> None:
        assert CRM is not None
        assert CALENDAR is not None
        tasks = stack.enter_context(serve_tasks(clock=Clock(), grpc=True, require_auth=True))
        vendors = stack.enter_context(serve_vendors([load_simulator(one) for one in ("yclients", "amocrm")]))
        super().__init__(folder, vendors, SOURCES["yclients"], cloud=Cloud(bundles, firestore, tasks))
        stack.callback(self.log.close)
        self.secrets |= CRM.vault()
        # Somebody waits, by the clock on the wall: the table's own times.
        self.environment |= {"SVYAZKA_DEADLINE_SCALE": "1", "SVYAZKA_INGEST_ACCOUNT": INGEST, "WORKERS": "1"}
        queue = f"projects/{self.project}/locations/europe-west1/queues/svyazka-amocrm"
        tasks.call(partial(CloudTasks.create_queue, name=queue, retry=QUICK))
        CRM.open(vendors)
        CALENDAR.begin(vendors)
        CALENDAR.offer(vendors, "Europe/Moscow", {"2030-10-07": ["12:00", "13:00"]})

    def tenant(self) -> dict[str, object]:
        assert CRM is not None
        assert CALENDAR is not None
        connections = {
            "web": {"vendor": "site", "origins": ["https://example.ru"]},
            **{
                name: {"vendor": part.vendor, "base_url": self.base_url(part.vendor), **part.written(), **UNHURRIED}
                for name, part in (("salon", CALENDAR), ("crm", CRM))
            },
        }
        flows = [
            {"flow": "lead_intake", "from": ["web"], "via": ["crm"]},
            {"flow": "booking", "from": ["web"], "via": ["salon"], "text": "Вы записаны"},
        ]
        return {
            "id": TENANT, "name": "Салон", "timezone": "Europe/Moscow", "connections": connections, "flows": flows
        }  # fmt: skip

    async def prepare(self) -> None:
        await super().prepare()
        self.sweeping.cancel()


@pytest.fixture
async def site(firestore: str, bundles: Bundles, tmp_path: Path) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        made = Site(tmp_path, bundles, firestore, stack)
        await made.prepare()
        for name, function in (("accept", "ingest"), ("work", "sync_worker")):
            unpacked = bundles.of(function)
            (folder := tmp_path / name).mkdir()
            stack.enter_context(serving(unpacked, made.with_keys(*unpacked.secrets), folder, made.ports[name]))
        yield made


async def done(call: Callable[[], Awaitable[httpx.Response]]) -> dict[str, object]:
    """What a call is answered with in the end: on a busy machine the worker may need longer than a visitor waits, and
    then a repeat asks how it went."""
    for _ in range(10):
        answer = await call()
        if answer.status_code != 202:
            break
    assert answer.status_code == 200, answer.text
    told: dict[str, object] = answer.json()
    return told


async def test_a_site_looks_books_and_tests_through_the_worker_and_nobody_else_may(site: Site) -> None:
    assert CRM is not None
    assert CALENDAR is not None
    work = f"http://127.0.0.1:{site.ports['work']}"
    key = {"X-Site-Secret": site.keyring.mint(SERVER, TENANT, "web")}
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        for path, account in (("/ask", ACCOUNT), ("/perform-now", ACCOUNT), ("/sweep", INGEST), ("/plan", INGEST)):
            token = site.tasks.service.signer.id_token(account, work)
            answer = await client.post(f"{work}{path}", json={}, headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 401, path
        services = await client.get(f"{site.url}/ingest/services", headers=key)
        assert services.status_code == 200, services.text
        assert CALENDAR.service in {one["id"] for one in services.json()["data"]}
        wish = {
            "service": CALENDAR.service, "staff": CALENDAR.staff, "starts_at": "2030-10-07T12:00:00+03:00",
            "name": "Анна", "phone": "+79991234567",
        }  # fmt: skip
        named = {**key, "Idempotency-Key": "1"}
        booked = await done(partial(client.post, f"{site.url}/ingest/booking", json=wish, headers=named))
        assert booked["status"] == "booked"
        assert len(CALENDAR.visits(site.vendors)) == 1
        test = await done(partial(client.get, f"{site.url}/ingest/test-crm", headers=key))
        assert test["status"] == "success"
        assert isinstance(test["amo_lead_id"], int)
    for name in ("accept", "work"):
        said = (site.folder / name / "output.log").read_text()
        assert leaks(said) == []
