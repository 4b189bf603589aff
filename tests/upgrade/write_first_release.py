"""What wrote `first_release/`: run once, with the code of the first release. Kept to show what the fixtures hold.

It isn't run again: a fixture that today's code wrote would prove nothing about yesterday's. (The engine's modules had
other names then; here they have today's.)
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from svyazka.backends.local.store import FILE, LocalStore
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Put
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import MaybeSent
from svyazka.model.outcomes import Refused, Retry
from upgrade.town import Town, order

FOLDER = Path(__file__).parent / "first_release"
LATER = Retry(code="http_500", message="later", outage=False)
DOWN = Retry(code="http_503", message="down")


class Died(BaseException):
    """The worker ends here."""


def dies(command: Any, key: str) -> Any:
    raise Died


async def live(town: Town) -> None:
    """A day's work, stopped in the middle of everything."""
    await town.settle_in()
    # Yesterday: a message of the evening, whose person has had one now for thirty days.
    await town.tell("kofe/evening", order(1, phone="+79990000100"))
    await town.pass_time(31 * 60)
    # Taken; and the shop's order of the same number, which this release takes for the same thing.
    await town.tell("kofe/till", order(1))
    await town.run()
    await town.tell("kofe/shop", order(1, phone="+79990000201"))
    await town.tell("chay/till", order(1, phone="+79990000301"))
    await town.run()
    town.sms.script.append(LATER)
    await town.tell("kofe/till", order(2))
    await town.run()
    town.sms.script.append(MaybeSent("no answer"))
    await town.tell("chay/till", order(3))
    await town.run()
    # Refused by SMS, and its letter is tried again later.
    town.sms.script.append(Refused(code="bad_number", message="no such number"))
    town.mail.script.append(LATER)
    await town.tell("kofe/till", order(4, phone="+79990000004", email="ivan4@example.org"))
    await town.run()
    # Down for good: the first that failed, and those that wait for the end of it.
    town.push.script.extend([DOWN] * 8)
    for number in range(1, 7):
        await town.tell("kofe/kiosk", order(number, phone=f"+7999000040{number}"))
        await town.run()
    # Waiting for their half hour: one; one whose person has had a message; one that is cancelled meanwhile.
    await town.tell("kofe/evening", order(2, phone="+79990000502"))
    await town.tell("kofe/evening", order(3, phone="+79990000100"))
    await town.tell("kofe/evening", order(4, phone="+79990000504"))
    await town.tell("kofe/evening", order(5, phone="+79990000505"))
    await town.tell("kofe/evening", order(4, "cancelled", 2, phone="+79990000504"))
    await town.tell("kofe/till", order(2, "cancelled", 2))
    await town.run()
    # Quarantined: an item, and a whole request.
    await town.tell("kofe/till", ["nonsense", order(9, "cooking")])
    await town.tell("kofe/till", b"{not json")
    await town.run()
    await lanes(town)
    # Journaled, and the queue forgot it.
    town.store.forget_tasks = True
    await town.tell("kofe/till", order(6))
    town.store.forget_tasks = False
    # Two claims whose worker dies: before it sent anything that anybody knows of, and after its letter had gone.
    town.sms.script.append(dies)
    await died(town, order(7))

    def sent_and_dies(command: Any, key: str) -> Any:
        town.mail.deliver(command, key)
        raise Died

    town.mail.script.append(sent_and_dies)
    await died(town, order(8, email="ivan8@example.org"))
    # A receipt of the first one's message: nobody has settled it yet.
    await town.tell("kofe/sms", {"receipt": "delivered", "external_id": "sms-77"})
    await town.run()


async def died(town: Town, body: dict[str, Any]) -> None:
    """A worker that dies in a call takes its memory with it; its task comes again when the lease is over."""
    await town.tell("kofe/till", body)
    try:
        await town.run()
    except Died:
        town.start()


async def lanes(town: Town) -> None:
    """Three that write an order number's state to one place: an older and a newer of the till, one of the shop."""
    pending = next(d for d in town.deliveries() if d.flow == "later" and d.status is Status.PENDING)
    for number, (where, revision) in enumerate((("kofe/till", 1), ("kofe/till", 2), ("kofe/shop", 1)), start=1):
        await town.tell(where, order(71, "cooking", revision, phone=f"+79990000{where[5:6] == 's':d}71"))
        event = town.events()[-1].event
        guards = pending.guards.model_copy(update={"still_true": None, "once_per": None})
        text = f"{where} {revision}"
        lane = pending.model_copy(
            update={
                "id": f"dlv_{number:032}", "event": event.id, "subject": event.subject, "guards": guards,
                "lane": "kofe/order:71", "supersedes": True, "flow": "later", "connection": "mail", "vendor": "mail",
                "command": pending.command.model_copy(update={"text": text}), "repeat": town.mail.safety,
                "created_at": pending.created_at + timedelta(seconds=number), "step": f"state/{number}",
            }
        )  # fmt: skip
        await town.store.commit([journal.create(lane)])


def shown(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else list(value) if isinstance(value, tuple) else value


async def write() -> None:
    """Both fixtures: the documents as JSON, the same as a database."""
    random.seed(1)
    town = Town()
    await live(town)
    documents = sorted(town.store.documents.values(), key=lambda document: document.key)
    tasks = [
        {"queue": t.queue, "path": t.path, "body": dict(t.body), "due": t.due and t.due.isoformat()}
        for t in town.store.tasks
    ]
    told = {
        "now": town.clock.now().isoformat(),
        "sent": {name: getattr(town, name).sent for name in ("sms", "mail", "push")},
        "documents": [
            {
                "kind": d.kind, "id": d.id, "fields": {k: shown(v) for k, v in d.fields.items() if v is not None},
                "data": json.loads(d.data),
            }
            for d in documents
        ],
        "tasks": tasks,
    }  # fmt: skip
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(told, ensure_ascii=False, indent=1)
    (FOLDER / "documents.json").write_text(text + "\n")
    with tempfile.TemporaryDirectory() as folder:
        store = LocalStore.open(Path(folder), town.clock)
        await store.commit([Put(document) for document in documents], town.store.tasks)
        await store.close()
        connection = sqlite3.connect(Path(folder) / FILE)
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        (FOLDER / "svyazka.sql").write_text("\n".join([f"PRAGMA user_version={version};", *connection.iterdump(), ""]))
        connection.close()
    for delivery in town.deliveries():
        summary(delivery)


def summary(delivery: Delivery) -> None:
    print(delivery.tenant, delivery.flow, delivery.subject, delivery.step, delivery.status.value, delivery.external_id)


if __name__ == "__main__":
    asyncio.run(write())
