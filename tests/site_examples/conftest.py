"""The shop of the examples: the hub and the vendors' stand-ins as `make run` starts them, with the example's tenant."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from svyazka.backends.local.store import FILE
from svyazka.model.deliveries import OPEN
from svyazka.server.asked import socket_of

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Shop:
    """The hub and the vendors, as `make run` starts them."""

    def __init__(self, vendors: str, data: Path) -> None:
        self.vendors, self.data = vendors, data
        self.page = f"{vendors}/site/index.html"
        self.client = httpx.Client(trust_env=False, timeout=10)

    def effects(self, vendor: str, kind: str) -> list[dict[str, Any]]:
        told = self.client.get(f"{self.vendors}/_sim/{vendor}/ledger").json()["effects"]
        return [effect for effect in told if effect["kind"] == kind]

    def told(self, vendor: str, control: str, **content: object) -> None:
        self.client.post(f"{self.vendors}/_sim/{vendor}/{control}", json=content).raise_for_status()

    def deals(self) -> int:
        return len([one for one in self.effects("amocrm", "create") if one["entity"] == "leads"])

    def has_done_its_leads(self) -> bool:
        """Whether all that came is planned, and no lead is on its way."""
        still = ", ".join(f"'{status.value}'" for status in OPEN)
        with closing(sqlite3.connect(self.data / FILE)) as journal:
            (left,) = journal.execute(
                f"SELECT (SELECT count(*) FROM events WHERE status = 'accepted')"
                f" + (SELECT count(*) FROM deliveries WHERE flow = 'lead_intake' AND status IN ({still}))"
            ).fetchone()
        return left == 0


DAY = """\
id: day
name: Салон, где всегда день
timezone: {zone}
connections:
  chairs: {{vendor: dikidi, company: 4242, unofficial: true, login: {{secret: login}}, password: {{secret: password}},
            base_url: "{vendors}/dikidi"}}
  sms: {{vendor: smsru, api_id: {{secret: api-id}}, sender: DAY, base_url: "{vendors}/smsru"}}
flows:
  - flow: notify
    from: [chairs]
    via: [sms]
    events: [appointment.cancelled]
    to: {{administrator: {{phone: "+79990000004"}}}}
    text: "{{event}}: {{date}} {{time}}. Это время снова свободно"
"""
"""By night a journal is looked into more rarely."""


def where_it_is_day() -> str:
    """A zone in which it is about noon."""
    behind = datetime.now(UTC).hour - 12
    return f"Etc/GMT{behind:+d}" if behind else "Etc/GMT"


def until(true: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end, f"still not: {what}"
        time.sleep(0.05)


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    hub, vendors = free_port(), free_port()
    (folder / "tenants").mkdir()
    for name in ("salon", "kofe-pokrovka", "pekarnya"):
        tenant = (ROOT / "tenants" / f"{name}.yaml").read_text("utf-8")
        tenant = tenant.replace("sender: KOFE,", "sender: KOFE, retry: {delays: [1s, 1s]},")
        (folder / "tenants" / f"{name}.yaml").write_text(tenant.replace(":8081", f":{vendors}"), "utf-8")
    day = DAY.format(vendors=f"http://127.0.0.1:{vendors}", zone=where_it_is_day())
    (folder / "tenants" / "day.yaml").write_text(day, "utf-8")
    command = [sys.executable, "-m", "svyazka.cli", "run", "--with-simulators", "--port", str(hub)]
    command += ["--simulators-port", str(vendors), "--data", str(folder / "data"), "--tenants", str(folder / "tenants")]
    log = (folder / "log").open("wb")
    with subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder) as running:
        try:
            found = Shop(f"http://127.0.0.1:{vendors}", folder / "data")
            until(lambda: _answers(f"http://127.0.0.1:{hub}/"), f"running: {folder / 'log'}", 60)
            until(socket_of(found.data).exists, f"its worker answers the front door: {folder / 'log'}", 60)
            yield found
        finally:
            running.terminate()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
