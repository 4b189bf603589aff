"""The brief's own commands, word for word: only the host and the key are put in."""

from __future__ import annotations

import asyncio
import json
import shlex
import shutil
from collections.abc import Awaitable, Callable

import httpx
import pytest

from matrix.channels import CHANNELS, expected, review_request
from matrix.conftest import Hub
from matrix.sources import BRIEF, BY_NAME
from vendors.parts.done import Person

pytestmark = pytest.mark.asyncio(loop_scope="session")

COMMANDS = {
    "iiko": """\
curl -X POST "https://yourdomain.com/api/webhook/iiko?key=YOUR_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{
    "eventType": "DeliveryOrderUpdate",
    "eventInfo": {
      "order": {
        "status": "Delivered",
        "customer": {
          "phone": "+79991234567"
        }
      }
    }
  }'
""",
    "rkeeper": """\
curl -X POST "https://yourdomain.com/api/webhook/rkeeper?key=YOUR_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{
    "order": {
      "status": "Выполнен",
      "customer": {
        "phone": "+79991234567"
      }
    }
  }'
""",
    "yclients": """\
curl -X POST "https://yourdomain.com/api/webhook/yclients?key=YOUR_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{
    "resource": {
      "visit_attendance": 1,
      "deleted": false,
      "client": {
        "phone": "+79991234567"
      }
    }
  }'
""",
    "amocrm": """\
curl -X POST "https://yourdomain.com/api/webhook/amocrm?key=YOUR_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{
    "leads": {
      "status": [{
        "id": 12345,
        "status_id": 142,
        "main_contact": {
          "phone": "+79991234567"
        }
      }]
    }
  }'
""",
}


def words(command: str) -> list[str]:
    """As a shell reads them."""
    return shlex.split(command.replace("\\\n", ""))


async def by_curl(command: str) -> str:
    """The command as a shell runs it; what it prints."""
    process = await asyncio.create_subprocess_shell(
        command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return said.decode()


async def by_httpx(command: str) -> str:
    """The same bytes and headers without curl, which not every machine has; what is answered."""
    _, _, method, url, _, header, _, body = words(command)
    name, _, value = header.partition(": ")
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        answer = await client.request(method, url, headers={name: value}, content=body)
    assert answer.status_code == 200
    return answer.text


WAYS: list[Callable[[str], Awaitable[str]]] = [by_httpx, *([by_curl] if shutil.which("curl") else [])]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("vendor", COMMANDS)
async def test_a_command_of_the_brief_makes_one_message(
    hub: Hub, vendor: str, way: Callable[[str], Awaitable[str]]
) -> None:
    async with hub(BY_NAME[vendor], review_request(CHANNELS["smsru"]), CHANNELS["smsru"]) as machine:
        command = COMMANDS[vendor].replace("https://yourdomain.com", machine.front.url)
        command = command.replace("YOUR_KEY", await machine.key("source"))
        said = json.loads(await way(command))
        await machine.work()
        again = json.loads(await way(command.replace("/api/webhook/", "/webhook/")))
        await machine.pass_time(25)
        assert said["status"] == again["status"] == "accepted"
        assert [event["status"] for event in (*said["events"], *again["events"])] == ["accepted", "duplicate"]
        assert machine.sent() == [expected(CHANNELS["smsru"], Person())]


@pytest.mark.parametrize("vendor", COMMANDS)
async def test_the_bodies_of_the_matrix_are_those_of_the_commands(vendor: str) -> None:
    assert json.loads(words(COMMANDS[vendor])[-1]) == BRIEF[vendor]


@pytest.mark.parametrize("header", ["X-Api-Key: {}", "Authorization: Bearer {}"])
async def test_the_key_may_stand_in_a_header_as_the_brief_says_of_r_keeper(hub: Hub, header: str) -> None:
    async with hub(BY_NAME["rkeeper"], review_request(CHANNELS["smsru"]), CHANNELS["smsru"]) as machine:
        name, _, value = header.format(await machine.key("source")).partition(": ")
        url = f"{machine.front.url}/api/webhook/rkeeper"
        answer = await machine.front.client.post(url, json=BRIEF["rkeeper"], headers={name: value})
        await machine.work()
        assert answer.status_code == 200
        assert machine.sent() == [expected(CHANNELS["smsru"], Person())]
