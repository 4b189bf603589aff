"""Each hub: how it is started, where it takes webhooks, and what its own records say of what isn't done."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import psutil

from benchmarks.local import settle_in
from benchmarks.processes import ROOT, free_port

HERE = Path(__file__).resolve().parent
PEERS = Path(os.environ.get("PEERS", str(Path.home() / "peers")))
NODE = PEERS / "node/node_modules/.bin/node"

STARTS_WITHIN = 300.0


class Failed(Exception):
    """A hub didn't start, or came to a standstill: the others are measured all the same."""


@dataclass(frozen=True)
class Told:
    """What a hub's own records say at the end: of how many nobody knows what became, and how many aren't done."""

    unknown: int = 0
    unfinished: int = 0


@dataclass
class Hub:
    """One of those measured, in a folder of its own. Begun and ended as often as one likes; its data stay."""

    data: Path
    sink: str
    port: int = field(default_factory=free_port)
    path: str = "/hook"
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    name = ""
    events = 1000
    """So many make a measurement: seconds, for each."""
    slow_to_settle = 30.0
    """Seconds without a call after which nothing more is to be expected of it."""

    @staticmethod
    def version() -> str | None:
        """Its version; None where it isn't there."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Once, before it is begun for the first time."""

    def commands(self) -> Sequence[Sequence[str]]:
        """Its processes."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """What they need beside ours."""
        return {}

    def told(self) -> Told:
        """See Told."""
        return Told()

    @property
    def url(self) -> str:
        """Where webhooks go."""
        return f"http://127.0.0.1:{self.port}{self.path}"

    def begin(self) -> None:
        """Start it; returns once it takes webhooks."""
        own = {**os.environ, **self.environment()}
        own.pop("PYTHONDONTWRITEBYTECODE", None)
        self.running = [
            subprocess.Popen(command, cwd=ROOT, env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for command in self.commands()
        ]
        deadline = time.monotonic() + STARTS_WITHIN
        while not self.takes_webhooks():
            if time.monotonic() > deadline:
                self.end()
                raise Failed(f"{self.name} didn't start within {STARTS_WITHIN:.0f} s")
            time.sleep(0.05)

    def takes_webhooks(self) -> bool:
        """Whether it would by now."""
        return _status(self.url)[0] == 405  # there, and not for GET

    def kill(self) -> None:
        """As a machine's fall does it: without a word."""
        for process in self.running:
            process.kill()
            process.wait()

    def end(self) -> None:
        """In peace."""
        for process in self.running:
            process.terminate()
        for process in self.running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def resident_mib(self) -> float:
        """Its processes' memory, their children's included."""
        own = [psutil.Process(process.pid) for process in self.running]
        every = [*own, *(child for process in own for child in process.children(recursive=True))]
        return round(sum(process.memory_info().rss for process in every) / 2**20, 1)


class Svyazka(Hub):
    """Ours: the accepting and the working process over one SQLite file, `synchronous=FULL`."""

    name = "svyazka"
    events = 8000
    slow_to_settle = 200.0
    """A lost worker's leases have to run out."""

    @staticmethod
    def version() -> str | None:
        return version("svyazka")

    def prepare(self) -> None:
        self.path = asyncio.run(settle_in(self.data, self.sink))

    def commands(self) -> Sequence[Sequence[str]]:
        server = [sys.executable, "-m", "svyazka.server"]
        return [[*server, "accept", "--port", str(self.port)], [*server, "work"]]

    def environment(self) -> Mapping[str, str]:
        return {"SVYAZKA_DATA": str(self.data)}

    def takes_webhooks(self) -> bool:
        return _status(f"http://127.0.0.1:{self.port}/")[0] == 200

    def told(self) -> Told:
        file = self.data / "svyazka.db"
        (unknown,) = _asked(file, "SELECT count(*) FROM deliveries WHERE status = 'unknown'")
        (waiting,) = _asked(file, "SELECT count(*) FROM events WHERE status = 'accepted'")
        open_ = "('pending', 'in_flight', 'retrying', 'parked', 'blocked')"
        (begun,) = _asked(file, f"SELECT count(*) FROM deliveries WHERE status IN {open_}")
        return Told(unknown, waiting + begun)


class Dbos(Hub):
    """A durable workflow for each webhook, on its embedded SQLite."""

    name = "dbos"

    @staticmethod
    def version() -> str | None:
        return _of_python(PEERS / "dbos/bin/python", "dbos")

    def commands(self) -> Sequence[Sequence[str]]:
        python, app = str(PEERS / "dbos/bin/python"), str(HERE / "dbos_app.py")
        return [[python, app, str(self.port), self.sink, str(self.data)]]

    def told(self) -> Told:
        question = "SELECT count(*) FROM workflow_status WHERE status NOT IN ('SUCCESS', 'ERROR', 'CANCELLED')"
        return Told(unfinished=_asked(self.data / "dbos.sqlite", question)[0])


class NodeRed(Hub):
    """A flow in memory: what it has taken is written nowhere."""

    name = "node-red"
    events = 8000

    @staticmethod
    def version() -> str | None:
        return _of_node(PEERS / "node-red/node_modules/node-red")

    def prepare(self) -> None:
        _filled_in("nodered-flow.json", self.data / "flow.json", self.sink)

    def commands(self) -> Sequence[Sequence[str]]:
        red = str(PEERS / "node-red/node_modules/node-red/red.js")
        return [[str(NODE), red, "-u", str(self.data), "-p", str(self.port), str(self.data / "flow.json")]]

    def takes_webhooks(self) -> bool:
        return _status(self.url, b"[]")[0] == 200  # no order: its flow ends there


class N8n(Hub):
    """Webhook and HTTP Request, executions saved in its SQLite, as it comes."""

    name = "n8n"

    @staticmethod
    def version() -> str | None:
        return _of_node(PEERS / "n8n/node_modules/n8n")

    def _n8n(self, *arguments: str) -> list[str]:
        return [str(NODE), str(PEERS / "n8n/node_modules/n8n/bin/n8n"), *arguments]

    def prepare(self) -> None:
        self.path = "/webhook/hook"
        _filled_in("n8n-workflow.json", self.data / "workflow.json", self.sink)
        for step in (["import:workflow", f"--input={self.data / 'workflow.json'}"],
                     ["publish:workflow", "--id=peerwf0000000001"]):  # fmt: skip
            subprocess.run(
                self._n8n(*step), env={**os.environ, **self.environment()}, check=True, capture_output=True, timeout=300
            )

    def commands(self) -> Sequence[Sequence[str]]:
        return [self._n8n("start")]

    def environment(self) -> Mapping[str, str]:
        return {
            "N8N_PORT": str(self.port), "N8N_USER_FOLDER": str(self.data), "N8N_DIAGNOSTICS_ENABLED": "false",
            "N8N_VERSION_NOTIFICATIONS_ENABLED": "false", "N8N_RUNNERS_BROKER_PORT": str(self.port + 1),
        }  # fmt: skip

    def takes_webhooks(self) -> bool:
        status, said = _status(self.url)
        return status == 404 and b"make a POST request" in said

    def told(self) -> Told:
        file = self.data / ".n8n/database.sqlite"
        (crashed,) = _asked(file, "SELECT count(*) FROM execution_entity WHERE status = 'crashed'")
        open_ = "('new', 'running', 'waiting')"
        (unfinished,) = _asked(file, f"SELECT count(*) FROM execution_entity WHERE status IN {open_}")
        return Told(crashed, unfinished)


HUBS: tuple[type[Hub], ...] = (Svyazka, NodeRed, Dbos, N8n)


def _status(url: str, body: bytes | None = None) -> tuple[int, bytes]:
    """What is answered there; 0 while nobody listens."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


def _filled_in(template: str, to: Path, sink: str) -> None:
    to.write_text((HERE / template).read_text("utf-8").replace("SINK", sink), "utf-8")


def _asked(file: Path, question: str) -> tuple[int, ...]:
    connection = sqlite3.connect(file, timeout=10)
    try:
        row: tuple[int, ...] = connection.execute(question).fetchone()
        return row
    finally:
        connection.close()


def _of_python(python: Path, package: str) -> str | None:
    if not python.exists():
        return None
    asked = f"from importlib.metadata import version; print(version({package!r}))"
    return (
        subprocess.run([str(python), "-c", asked], capture_output=True, text=True, check=False).stdout.strip() or None
    )


def _of_node(package: Path) -> str | None:
    if not NODE.exists() or not (package / "package.json").exists():
        return None
    return str(json.loads((package / "package.json").read_text("utf-8"))["version"])
