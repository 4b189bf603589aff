"""The worker's routes: the queue's tasks, the scheduler's ticks (DESIGN 8)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from svyazka.engine.agreeing import comparing_works
from svyazka.engine.agreeing.nightly import Nightly
from svyazka.engine.asking.asker import Asker
from svyazka.engine.asking.desk import Desk
from svyazka.engine.asking.sessions import NotYours
from svyazka.engine.calling.cards import Cards
from svyazka.engine.calling.oauth.tasks import ask_anew, redirected, renew
from svyazka.engine.calling.rereading import Rereader
from svyazka.engine.contracts.webhook import Webhook
from svyazka.engine.delivering.admission import Admission
from svyazka.engine.delivering.attempts import Attempts
from svyazka.engine.delivering.lanes import Lanes
from svyazka.engine.delivering.recording import Recorder
from svyazka.engine.hub import Hub
from svyazka.engine.intake.salvage import Salvager
from svyazka.engine.jobs.runner import Jobs
from svyazka.engine.jobs.work import Work
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import Asked, Route, resume_task
from svyazka.engine.operating.deeds import Hands
from svyazka.engine.operating.preview import Preview
from svyazka.engine.operating.replaying import Replaying
from svyazka.engine.operating.requests import Requests
from svyazka.engine.operating.sign_ins import SignIns
from svyazka.engine.outages.learning import Outages
from svyazka.engine.paying.fiscalising import Fiscalising
from svyazka.engine.paying.looking import Looking
from svyazka.engine.paying.turning import Turning
from svyazka.engine.planning.at_once import AtOnce
from svyazka.engine.planning.flows_decide import FlowsDecide
from svyazka.engine.planning.money import PlansMoney
from svyazka.engine.planning.planner import Planner
from svyazka.engine.planning.receipts import Receipts
from svyazka.engine.ports.asking import Reply
from svyazka.engine.problems import sights
from svyazka.engine.support.logs import log
from svyazka.engine.telling.digests import tell_digests
from svyazka.engine.upkeep.poll import Poller
from svyazka.engine.upkeep.probing import probe
from svyazka.engine.upkeep.retention import Retention
from svyazka.engine.upkeep.silent_hooks import SilentHooks
from svyazka.engine.upkeep.sweep import Sweep
from svyazka.engine.upkeep.usual_hours import count_usual_hours
from svyazka.model.errors import ConfigError, NotAnswered, SourceUnavailable, Unavailable, WrittenByNewer
from svyazka.model.events import EventRecord, EventType

RECORDED, NOT_RECORDED, NO_SUCH_WORK = 204, 503, 404


class Worker:
    """Does what tasks ask for: 204 for every outcome that was recorded, 503 only when it could not be."""

    def __init__(
        self,
        hub: Hub,
        webhooks: Callable[[str], Webhook | None] = lambda vendor: None,
        front_door: str = "",
        works: Callable[[Hub, Outages], Iterable[Work]] = lambda hub, outages: (),
        hands: Hands | None = None,
    ) -> None:
        """`front_door`: the vendor whose connections are businesses' own sites. `works`: kinds of long work beside the
        engine's own. Without `hands` nothing that the console asks for is carried out."""
        self.hub, self.front_door = hub, front_door
        self.outages = Outages(hub)
        self.asker = Asker(hub, self.outages)
        self.desk = Desk(hub, self.asker, self.outages)
        self.lanes = Lanes(hub)
        rereader = Rereader(hub, self.outages)
        self.admission = Admission(hub, self.outages, self.lanes, rereader)
        self.recorder = Recorder(hub, self.outages)
        self.attempts = Attempts(hub, self.admission, self.recorder)
        self.decider = FlowsDecide(hub, rereader, Cards(hub, self.outages), self.asker)
        self.turning = Turning(hub)
        self.looking, self.fiscalising = Looking(hub, self.outages), Fiscalising(hub, self.outages)
        self.planner = Planner(
            hub, self.decider, self.admission, self.attempts, Receipts(hub, self.recorder),
            PlansMoney(hub, self.looking, self.fiscalising),
        )  # fmt: skip
        self.at_once = AtOnce(hub, self.planner, self.attempts, self.looking)
        self.sweeper = Sweep(hub, self.outages)
        self.retention = Retention(hub)
        self.poller = Poller(hub, self.outages)
        self.watch = SilentHooks(hub)
        own = [*comparing_works(hub, self.outages), Replaying(hub, webhooks)]
        self.jobs = Jobs(hub, self.outages, [*own, *works(hub, self.outages)])
        self.nightly = Nightly(hub)
        self.webhook_of = webhooks
        preview = Preview(hub, self.decider, self.admission, self.outages)
        self.requests = Requests(hub, self.outages, webhooks, hands, preview) if hands else None
        self.sign_ins = SignIns(hub)
        self.salvager = Salvager(hub.store, hub.queue, hub.keyring, webhooks)

    async def handle(self, path: str, body: Mapping[str, str]) -> int:
        """Do one task; the HTTP status to answer with. Unknown ids are 204: there is nothing left to do."""
        try:
            match path:
                case Route.PLAN:
                    await self.planner.plan(body["event"])
                case Route.PERFORM:
                    await self.attempts.perform(body["delivery"])
                case Route.LANE:
                    await self.lanes.wake(body["lane"])
                case Route.RELEASE:
                    after = float(body.get("after", "0"))
                    await self.outages.releasing.release(body["tenant"], body["connection"], after)
                case Route.RESUME:
                    await self._resume(body)
                case Route.REDIRECTED | Route.RENEW:
                    await self._access(path, body)
                case Route.PROBE:
                    await probe(self.hub, self.outages, body["tenant"], body["connection"])
                case Route.POLL:
                    await self._poll(body)
                case Route.SWEEP:
                    await self.sweeper.sweep()
                    if self.requests is not None:
                        await self.requests.show_lock()
                case Route.QUARANTINED:
                    await self.watch.tell_quarantined(body["raw"])
                case Route.FOREIGN:
                    await self.watch.tell_foreign(body["event"])
                case Route.RETAIN:
                    await self.retention.retain()
                    await self.watch.tell_silent()
                    await self.watch.look_into_quarantine()
                    await count_usual_hours(self.hub, self.front_door)
                    await tell_digests(self.hub)
                case Route.NOTICED:
                    await sights.noticed(self.hub, body["tenant"], body["connection"], body["what"])
                case Route.JOB:
                    await self.jobs.go_on(body["job"], released="released" in body)
                case Route.PAY:
                    await self._pay(body)
                case Route.SUBSCRIPTION:
                    await self.turning.turn(body["subscription"])
                case Route.RECEIPT:
                    await self.fiscalising.look(body["receipt"])
                case Route.SALVAGE:
                    await self._salvage(body)
                case Route.SIGN_IN:
                    await self.sign_ins.send_codes(body["asked"])
                case Route.REQUEST if self.requests is not None:
                    await self.requests.carry_out(body["request"])
                case _:
                    return NO_SUCH_WORK
        except Unavailable as error:
            log("ERROR", "not recorded", path=path, error=type(error).__name__)
            return NOT_RECORDED
        except WrittenByNewer as error:
            log("NOTICE", "left for a newer version", path=path, kind=error.kind)
        except ConfigError as error:
            log("ERROR", "settings can't be used", path=path, error=str(error))
            return NOT_RECORDED
        return RECORDED

    async def answer(self, path: str, body: Mapping[str, Any]) -> Reply:
        """What the front door asks for while somebody waits. Never an exception's words."""
        try:
            match path:
                case Asked.ASK:
                    return await self.desk.answer(body)
                case Asked.PERFORM_NOW:
                    found = await self.at_once.carry_out(str(body["event"]))
                    return (
                        Reply(200, found.model_dump(mode="json"))
                        if found is not None
                        else Reply.why_not(404, "no_event")
                    )
        except NotYours as error:
            return Reply.why_not(403, error.code)
        except NotAnswered as error:
            return Reply(503, {"code": error.code, "retry_after": error.retry_after})
        except (Unavailable, WrittenByNewer) as error:
            log("ERROR", "not answered", path=path, error=type(error).__name__)
            return Reply.why_not(503, "unavailable")
        except (KeyError, ValueError, ConfigError) as error:
            log("WARNING", "not asked rightly", path=path, error=type(error).__name__)
            return Reply.why_not(400, "bad_question")
        return Reply.why_not(404, "no_such_question")

    async def _pay(self, body: Mapping[str, str]) -> None:
        """A look at a payment: its time has come, a delivery of it has ended, its provider has said the same again."""
        if "payment" in body:
            await self.looking.look(body["payment"])
            return
        held = await journal.load(self.hub.store, EventRecord, body["event"])
        if held is not None:
            event = held.model.event
            looking = self.fiscalising if event.type is EventType.RECEIPT_CHANGED else self.looking
            with suppress(SourceUnavailable):  # what may change is asked about again by the clock
                await looking.told(event)

    async def _salvage(self, body: Mapping[str, str]) -> None:
        unreadable = await self.salvager.salvage(body)
        if unreadable is not None:
            await self.watch.tell_quarantined(unreadable)

    async def _resume(self, body: Mapping[str, str]) -> None:
        """Settings were changed. Other instances believe the old ones a little longer and may hold back what comes to
        them till then, so it is done once more when they have heard of it."""
        self.hub.directory.forget()
        if "again" in body:
            await self.outages.releasing.release(body["tenant"], body["connection"])
        else:
            await ask_anew(self.hub, body["tenant"], body["connection"])
            await self.outages.resume(body["tenant"], body["connection"])
            later = self.hub.clock.in_real(2 * self.hub.directory.ttl + 1)
            await self.hub.queue.enqueue([resume_task(body["tenant"], body["connection"], later)])

    async def _access(self, path: str, body: Mapping[str, str]) -> None:
        account = await self.hub.directory.account(body["tenant"], body["connection"])
        if account is None:
            return
        if path == Route.REDIRECTED:
            await redirected(self.hub, self.outages, account, body)
        else:
            await renew(self.hub, self.outages, account)

    async def _poll(self, body: Mapping[str, str]) -> None:
        if "connection" in body:
            due = datetime.fromisoformat(body["due"]) if "due" in body else None
            await self.poller.poll(body["tenant"], body["connection"], due)
        else:
            await self.hub.queue.enqueue(await self.poller.due())
            await self.nightly.due()


def asked_body(content: bytes) -> dict[str, Any]:
    """A question's JSON body; {} for what isn't an object."""
    try:
        body = json.loads(content or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def task_body(content: bytes) -> dict[str, str]:
    """A task's JSON body; {} for what isn't an object."""
    return {str(key): str(value) for key, value in asked_body(content).items()}
