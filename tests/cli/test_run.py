"""`svyazka run`, `simulate` and `demo` as real processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from typer.testing import CliRunner, Result

from cli.conftest import FILE, NAME, PHONE, Installation
from svyazka.cli.commands import app
from svyazka.cli.demo.acts import agreed
from svyazka.cli.demo.stage import Stage
from svyazka.cli.session import Session, within
from svyazka.server.supervise import PROCESSES
from svyazka.settings import Settings

PATIENCE = 100.0
BODY = {
    "eventType": "DeliveryOrderUpdate",
    "eventInfo": {"order": {"status": "Delivered", "customer": {"phone": PHONE, "name": NAME}}},
}


def until(holds: Callable[[], object], what: str) -> None:
    """Look again and again until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def command(*arguments: str) -> Result:
    """Another command, in this process: a fresh one costs a second."""
    return CliRunner().invoke(app, arguments, prog_name="svyazka")


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("SVYAZKA_")}


@dataclass
class Hub:
    """A running hub."""

    folder: Path
    port: int
    vendors: str
    process: subprocess.Popen[bytes]

    @property
    def data(self) -> str:
        return str(self.folder / "data")

    @property
    def said(self) -> str:
        return (self.folder / "said").read_text("utf-8")

    def rows(self, *arguments: str) -> list[dict[str, object]]:
        """The JSON lines of another command over the same data folder."""
        return [json.loads(line) for line in command("--data", self.data, *arguments, "--json").stdout.splitlines()]

    def key(self) -> str:
        return next(str(row["key"]) for row in self.rows("urls", "kofe") if row["connection"] == "till")

    def answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/health", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def texts(self) -> list[str]:
        ledger = httpx.get(f"{self.vendors}/_sim/smsru/ledger", trust_env=False).json()
        return [effect["text"] for effect in ledger["effects"]]


@contextmanager
def running(folder: Path, *options: str, vendors: str | None = None) -> Iterator[Hub]:
    """`svyazka run` with its stand-ins (or beside those at `vendors`), and its tenant file."""
    port, simulators_port = free_port(), free_port()
    url = vendors or f"http://127.0.0.1:{simulators_port}"
    (folder / "tenants").mkdir(exist_ok=True)
    (folder / "tenants" / "kofe.yaml").write_text(FILE.format(vendors=url), "utf-8")
    own = [] if vendors else ["--with-simulators", "--simulators-port", str(simulators_port)]
    arguments = ["run", "--port", str(port), "--data", str(folder / "data"), "--tenants", str(folder / "tenants"), *own]
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "svyazka.cli", *arguments, *options], stdin=subprocess.DEVNULL, stdout=said,
            stderr=said, env=environment(),
        )  # fmt: skip
    hub = Hub(folder, port, url, process)
    try:
        until(hub.answers, "the hub answers")
        yield hub
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """One for the tests that don't stop it."""
    with running(tmp_path_factory.mktemp("run")) as started:
        yield started


def test_the_first_curl_is_answered_200_and_the_sms_is_out_within_seconds(hub: Hub) -> None:
    answer = httpx.post(f"http://127.0.0.1:{hub.port}/api/webhook/iiko?key={hub.key()}", json=BODY, trust_env=False)
    assert answer.status_code == 200
    (event,) = answer.json()["events"]
    assert event["status"] == "accepted"
    until(lambda: hub.texts() == [f"{NAME}, спасибо! https://example.org/r"], "the SMS is in the ledger")
    until(lambda: hub.rows("deliveries")[0]["receipt"] == "delivered", "sms.ru's receipt is applied")
    (story,) = hub.rows("show", event["id"])
    assert story["status"] == "planned"


def test_it_prints_no_webhook_key_and_nobodys_data(hub: Hub) -> None:
    assert hub.key() not in hub.said, "what a service says is a log, and no key stands in it"
    assert "/webhook_iiko" in hub.said
    for personal in (PHONE[2:], NAME, "made-up-"):
        assert personal not in hub.said


def test_other_commands_know_its_address_and_that_it_is_at_work(hub: Hub) -> None:
    assert {row["url"] for row in hub.rows("urls", "kofe")} == {
        f"http://127.0.0.1:{hub.port}/webhook_{row['vendor']}?key={row['key']}" for row in hub.rows("urls", "kofe")
    }
    assert [row["status"] for row in hub.rows("doctor") if row["check"] == "worker"] == ["ok"]


def test_a_second_one_over_the_same_data_is_refused(hub: Hub) -> None:
    second = command("run", "--data", hub.data, "--port", str(free_port()))
    assert second.exit_code == 1
    assert "at work here already" in second.stderr


def test_a_port_that_is_taken_is_said_at_once(hub: Hub, tmp_path: Path) -> None:
    second = command("run", "--data", str(tmp_path / "data"), "--port", str(hub.port))
    assert second.exit_code == 1
    assert f"127.0.0.1:{hub.port}" in second.stderr


def test_a_port_of_the_stand_ins_that_is_taken_is_said_with_the_option_for_another(hub: Hub, tmp_path: Path) -> None:
    taken = hub.vendors.rpartition(":")[2]
    said = command("run", "--data", str(tmp_path / "data"), "--with-simulators", "--simulators-port", taken)
    assert said.exit_code == 1
    assert f"port {taken} for the stand-ins" in said.stderr
    assert "--simulators-port takes another" in said.stderr


def test_stand_ins_to_which_no_connection_leads_are_named_as_such(hub: Hub, tmp_path: Path) -> None:
    own = str(free_port())
    with running(tmp_path, "--with-simulators", "--simulators-port", own, vendors=hub.vendors) as started:
        said = " ".join(started.said.split())
        assert "no connection leads to the stand-ins: base_url in the tenant files has to begin with" in said
        assert f"http://127.0.0.1:{own}/" in said


def test_it_stops_cleanly_and_resumes_what_was_pending(tmp_path: Path, hub: Hub) -> None:
    with running(tmp_path, "--print-messages", vendors=hub.vendors) as first:
        children = psutil.Process(first.process.pid).children(recursive=True)
        first.process.send_signal(signal.SIGTERM)
        assert first.process.wait(30) == 0
        assert not [child for child in children if child.is_running()]
    assert command("--data", first.data, "send", "kofe/sms", "--to", PHONE, "--text", "Пока вы спали").exit_code == 0
    before = hub.texts()
    with running(tmp_path, "--print-messages", vendors=hub.vendors) as again:
        until(lambda: "[sms → +7999•••4567] Пока вы спали" in again.said, "what was pending goes to the console")
        assert hub.texts() == before


def test_its_processes_end_when_it_is_killed(tmp_path: Path, hub: Hub) -> None:
    with running(tmp_path, vendors=hub.vendors) as started:
        children = psutil.Process(started.process.pid).children(recursive=True)
        assert len(children) == len(PROCESSES)
        started.process.kill()
        started.process.wait(30)
        until(lambda: not any(child.is_running() for child in children), "its children end too")


def test_a_process_that_dies_is_started_again(tmp_path: Path, hub: Hub) -> None:
    with running(tmp_path, vendors=hub.vendors) as started:
        for child in psutil.Process(started.process.pid).children():
            child.kill()
        until(lambda: started.said.count("process died, starting it again") == len(PROCESSES), "each is missed")
        until(started.answers, "the hub answers again")


def test_the_stand_ins_alone(tmp_path: Path) -> None:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "svyazka.cli", "simulate", "--port", str(port)], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, env=environment(),
    )  # fmt: skip
    assert process.stdout is not None
    assert f"http://127.0.0.1:{port}/" in process.stdout.readline().decode()
    assert "smsru" in httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).json()["vendors"]
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    process.stdout.close()


def test_without_the_stand_ins_it_says_where_they_are(bare: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "simulators.registry", None)
    said = command("simulate")
    assert said.exit_code == 1
    assert "they come with the source" in said.stderr


def test_the_demo_keeps_what_it_promises() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "svyazka.cli", "demo", "--json"], capture_output=True, text=True, timeout=100,
        stdin=subprocess.DEVNULL, env=environment(),
    )  # fmt: skip
    rows = [json.loads(line) for line in said.stdout.splitlines()]
    assert [row for row in rows if not row["kept"]] == []
    assert {", ".join(row) for row in rows} == {"happened, promised, found, kept"}
    assert len(rows) == 8
    assert said.returncode == 0


async def test_the_demo_finds_out_when_a_promise_is_broken(bare: Installation) -> None:
    bare.vendors.of("smsru").record("message", id="202648-1", to=PHONE[1:], text="nobody asked for it")

    async def look(session: Session) -> bool:
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await agreed(Stage(session, client, "http://127.0.0.1:9", bare.vendors.url))).kept

    assert not await within(Settings(data=bare.data), look)
