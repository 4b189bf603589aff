"""The stand-in itself: an account's state, its clock, its webhooks on their way, and what a test or a demo tells it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode

from starlette.routing import BaseRoute

from simulators.amocrm import saving
from simulators.amocrm.api import Api
from simulators.amocrm.cards import (
    ACCOUNT_ID,
    HUMAN,
    KINDS,
    LOST,
    PIPELINE,
    STAGES,
    TOKEN_USER,
    UNSORTED,
    WON,
    Card,
    contact_hook,
    form,
    lead_hook,
    new_contact,
    new_lead,
)
from simulators.amocrm.controls import Controls
from simulators.amocrm.fields import every_accounts
from simulators.amocrm.grants import Grants
from simulators.amocrm.hooks import Hook, Repeat, is_good, next_repeat
from simulators.chassis import Simulator

SUBDOMAIN = "kofeinya-test"
SINGULAR = {"leads": "lead", "contacts": "contact", "companies": "company"}
FORM = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}


@dataclass
class Pace:
    """7 requests a second; who goes on after that meets a wall."""

    per_second: int = 7
    retry_after: int = 300
    wall: int = 20
    """Refusals within ten seconds after which the wall stands for an hour."""
    calls: deque[float] = field(default_factory=deque)
    refusals: deque[float] = field(default_factory=deque)
    shut_until: float = 0.0

    def counted(self, now: float) -> int | None:
        """Count a call; the status that stops it, if any."""
        if now < self.shut_until:
            return 403
        while self.calls and self.calls[0] <= now - 1:
            self.calls.popleft()
        if len(self.calls) < self.per_second:
            self.calls.append(now)
            return None
        while self.refusals and self.refusals[0] <= now - 10:
            self.refusals.popleft()
        self.refusals.append(now)
        if len(self.refusals) > self.wall:
            self.shut_until = now + 3600
        return 429


class AmocrmSimulator(Simulator):
    """One account of amoCRM. Effects: `exchange`, `refresh` {status, hint}; `hook_disabled` {destination}; `create`,
    `update`, `link` {entity, id}; `note`, `task` {entity, on, id, text}."""

    vendor = "amocrm"

    def reset(self) -> None:
        self.grants = Grants(SUBDOMAIN)
        self.pace = Pace()
        self.admin = True
        self.filters = True
        self.cards: dict[str, dict[int, Card]] = {kind: {} for kind in KINDS}
        self.log: list[Card] = []
        self.hooks: dict[int, Hook] = {}
        self.repeats: list[Repeat] = []
        self.fields = every_accounts()
        self.hidden: set[int] = set()
        """Fields that this user doesn't see any more."""
        self.unseen: set[int] = set()
        """Cards that this user isn't shown: those of a pipeline or a colleague of its own."""
        self.texts: dict[tuple[str, int], tuple[str, object, str]] = {}
        """What a search looks through: kind and id of a card -> its name and fields, and their text."""
        self.deaf: set[str] = set()
        """Fields (a name, or an id as text) that take nothing, without a word."""
        self.cuts: dict[str, int] = {}
        """Field -> the characters that it keeps."""
        self.between: list[tuple[str, Card]] = []
        """What somebody saves right after the next writes by API, before anybody can look: kind and fields."""
        self.pipelines: dict[int, list[int]] = {PIPELINE: list(STAGES)}
        self.users = {HUMAN: "Мария", TOKEN_USER: "Связка"}
        self.seen_after = 0.0
        """Seconds by which the search is behind."""
        self.notes: dict[str, list[Card]] = {kind: [] for kind in KINDS}
        self.tasks: dict[int, Card] = {}
        self.unsorted: dict[str, Card] = {}
        self.renamed: Literal["redirect", "refuse"] = "redirect"
        """What an address that isn't the account's any more answers."""
        self._outbox: list[tuple[str, str, str, Card]] = []
        self._ids = {
            "leads": 15318174, "contacts": 17611272, "companies": 17612520, "hooks": 1056948, "notes": 295868,
            "tasks": 4745250,
        }  # fmt: skip

    @property
    def stage_of(self) -> dict[int, int]:
        """Each stage's pipeline; the last two stages are in all of them."""
        return {stage: one for one, stages in self.pipelines.items() for stage in stages if stage not in (WON, LOST)}

    def shown_fields(self, kind: str) -> dict[int, Card]:
        """The fields that the token's user sees."""
        return {id_: one for id_, one in self.fields[kind].items() if id_ not in self.hidden}

    def shown(self, kind: str, card: Card, with_: str = "") -> Card:
        """A card as this user sees it: people and deals that it is linked with only when they are asked for."""
        left_out = {"leads": "contacts", "contacts": "leads", "companies": "contacts"}[kind]
        linked = {k: v for k, v in card["_embedded"].items() if k != left_out or left_out in with_.split(",")}
        values = [one for one in card["custom_fields_values"] or () if one["field_id"] not in self.hidden]
        return {**card, "custom_fields_values": values or None, "_embedded": linked}

    def new_id(self, kind: str) -> int:
        self._ids[kind] += 1
        return self._ids[kind]

    def routes(self) -> Sequence[BaseRoute]:
        return Api(self).routes()

    # Cards

    def add(self, kind: str, given: Mapping[str, Any]) -> Card:
        """A deal or a contact is created."""
        made = new_lead if kind == "leads" else new_contact
        card = made(self.new_id(kind), int(self.now()), given)
        self.cards[kind][card["id"]] = card
        if kind == "leads":
            self._close(card)
            self._logged("lead_added", card, None)
            for one in card["_embedded"]["contacts"]:
                self.cards["contacts"][one["id"]]["_embedded"]["leads"].append({"id": card["id"]})
            self._outbox.append(("add_lead", "leads", "add", lead_hook(card)))
        else:
            one = SINGULAR[kind]
            self._outbox.append((f"add_{one}", "contacts", "add", contact_hook(card, one)))
        return card

    def change(self, kind: str, card: Card, given: Mapping[str, Any], by: int = HUMAN) -> None:
        """A card is saved. A deal that moves makes two webhooks of one save, as in amoCRM."""
        was = (card.get("status_id"), card.get("pipeline_id"))
        card.update({name: value for name, value in given.items() if name in card and name != "id"})
        card["updated_at"], card["updated_by"] = max(int(self.now()), card["updated_at"]), by
        if kind != "leads":
            one = SINGULAR[kind]
            self._outbox.append((f"update_{one}", "contacts", "update", contact_hook(card, one)))
            return
        self._outbox.append(("update_lead", "leads", "update", lead_hook(card, old_status_id=was[0])))
        if (card["status_id"], card["pipeline_id"]) != was:
            self._close(card)
            self._logged("lead_status_changed", card, was)
            old = {"old_status_id": was[0]}
            if card["pipeline_id"] != was[1]:
                old["old_pipeline_id"] = was[1]
            self._outbox.append(("status_lead", "leads", "status", lead_hook(card, **old)))

    def delete(self, kind: str, card: Card) -> None:
        """Into the recycle bin."""
        card["is_deleted"] = True
        bare: Card = {name: card[name] for name in ("id", "status_id", "pipeline_id") if name in card}
        if kind == "leads":
            self._outbox.append(("delete_lead", "leads", "delete", bare))
        else:
            one = SINGULAR[kind]
            self._outbox.append((f"delete_{one}", "contacts", "delete", {"id": card["id"], "type": one}))

    def restore(self, kind: str, card: Card) -> None:
        """Out of the bin, with the id that it had."""
        card["is_deleted"] = False
        card["updated_at"] = max(int(self.now()), card["updated_at"])
        one = SINGULAR[kind]
        hook = lead_hook(card) if kind == "leads" else contact_hook(card, one)
        self._outbox.append((f"restore_{one}", "leads" if kind == "leads" else "contacts", "restore", hook))

    def merge(self, kind: str, survivor: Card, others: Sequence[Card]) -> None:
        """Somebody makes one card of several. Nothing tells that as such: one is changed, the others are deleted."""
        for other in others:
            self.delete(kind, other)
        entries = [card["custom_fields_values"] or () for card in (*others, survivor)]
        joined: dict[int, Card] = {}
        for entry in (one for several in entries for one in several):
            present = joined.setdefault(entry["field_id"], {**entry, "values": []})
            present["values"] += [one for one in entry["values"] if one not in present["values"]]
        self.change(kind, survivor, {"custom_fields_values": list(joined.values()) or None})

    def _close(self, lead: Card) -> None:
        lead["closed_at"] = lead["updated_at"] if lead["status_id"] in (WON, LOST) else None

    def _logged(self, type_: str, lead: Card, was: tuple[Any, Any] | None) -> None:
        after = {"lead_status": {"id": lead["status_id"], "pipeline_id": lead["pipeline_id"]}}
        before = [{"lead_status": {"id": was[0], "pipeline_id": was[1]}}] if was else []
        self.log.append(
            {
                "id": f"01{len(self.log):020d}", "type": type_, "entity_id": lead["id"], "entity_type": "lead",
                "created_by": lead["updated_by"], "created_at": lead["updated_at"], "value_after": [after],
                "value_before": before, "account_id": ACCOUNT_ID,
            }
        )  # fmt: skip

    def noted(self, kind: str, card_id: int, given: Mapping[str, Any]) -> Card:
        """A note on a card."""
        now = int(self.now())
        note = {
            "id": self.new_id("notes"), "entity_id": card_id, "note_type": given.get("note_type", "common"),
            "params": {"text": given["params"]["text"]}, "created_by": TOKEN_USER, "created_at": now,
            "updated_at": now, "account_id": ACCOUNT_ID,
        }  # fmt: skip
        self.notes[kind].append(note)
        quiet = given.get("is_need_to_trigger_digital_pipeline") is False
        self.record("note", entity=kind, on=card_id, id=note["id"], text=note["params"]["text"], quiet=quiet)
        return note

    def tasked(self, given: Mapping[str, Any]) -> Card:
        """A task on a card."""
        now = int(self.now())
        task = {
            "id": self.new_id("tasks"), "created_by": TOKEN_USER, "created_at": now, "updated_at": now,
            "responsible_user_id": TOKEN_USER, "is_completed": False, "task_type_id": 1, **given,
        }  # fmt: skip
        self.tasks[task["id"]] = task
        self.record(
            "task", entity=given.get("entity_type"), on=given.get("entity_id"), id=task["id"], text=task["text"]
        )
        return task

    def put_into_unsorted(
        self, given: Mapping[str, Any], leads: Sequence[Any], contacts: Sequence[Any], by: int
    ) -> Card:
        """A deal that waits for somebody to accept it."""
        ids = [one["id"] if "id" in one else saving.made(self, "contacts", one, by)["id"] for one in contacts]
        pipeline = given.get("pipeline_id", PIPELINE)
        deal = {**leads[0], "pipeline_id": pipeline, "status_id": UNSORTED,
                "_embedded": {"contacts": [{"id": one} for one in ids]}}  # fmt: skip
        lead = saving.made(self, "leads", deal, by)
        uid = f"{len(self.unsorted):04x}{lead['id']:056x}"
        self.unsorted[uid] = {"lead": lead["id"], "source_uid": given.get("source_uid")}
        linked = {"leads": [{"id": lead["id"]}], "contacts": [{"id": one} for one in ids], "companies": []}
        return {"uid": uid, "account_id": ACCOUNT_ID, "request_id": given.get("request_id", "0"), "_embedded": linked}

    # Webhooks

    def subscribe(self, destination: str, settings: list[str]) -> Hook:
        """Register an address, or give it another list; neither enables one that is disabled."""
        present = next((hook for hook in self.hooks.values() if hook.destination == destination), None)
        if present is not None:
            present.settings = settings
            return present
        hook = Hook(self.new_id("hooks"), destination, settings, int(self.now()))
        self.hooks[hook.id] = hook
        return hook

    def unsubscribe(self, destination: str) -> None:
        self.hooks = {id_: hook for id_, hook in self.hooks.items() if hook.destination != destination}

    def send_soon(self) -> None:
        """What the API changed is told as well, perhaps before its answer has come."""
        self.in_background(self.send())

    async def send(self) -> list[int]:
        """Tell what is in the outbox, all of it in one request to each address; the answers' statuses."""
        told, self._outbox = self._outbox, []
        statuses = []
        for hook in list(self.hooks.values()):
            content: dict[str, Any] = {}
            for event, entity, action, item in told:
                if event in hook.settings:
                    content.setdefault(entity, {}).setdefault(action, []).append(item)
            if content and not hook.disabled:
                link = f"https://{self.grants.subdomain}.amocrm.ru"
                content["account"] = {
                    "subdomain": self.grants.subdomain, "id": ACCOUNT_ID, "_links": {"self": link},
                }  # fmt: skip
                statuses.append(await self._post(hook, form(content), 1))
        return statuses

    async def _post(self, hook: Hook, body: bytes, tries: int) -> int:
        answers = await self.send_hooks(hook.destination, [(body, FORM)], settled=lambda a: is_good(a.status_code))
        status = answers[-1] if answers else 200  # dropped on its way by a scripted fault
        for answer in answers:
            hook.answered(answer, self.now())
        if hook.disabled:
            self.record("hook_disabled", destination=hook.destination)
            return status
        again = next_repeat(hook, body, tries, status, self.now())
        if again is not None:
            self.repeats.append(again)
        return status

    async def tick(self, seconds: float) -> int:
        """Let amoCRM's clock run; what is due again is sent. How many were."""
        self.ahead += seconds
        due = [one for one in self.repeats if one.due <= self.now()]
        self.repeats = [one for one in self.repeats if one not in due]
        for one in due:
            hook = self.hooks.get(one.hook)
            if hook is not None and not hook.disabled:
                await self._post(hook, one.body, one.tries + 1)
        return len(due)

    def redirect(self, client_id: str, state: str | None) -> str:
        """Where a person who has agreed is sent; without `state` as from the widget list."""
        query = {"code": self.grants.code(client_id, self.now())}
        query |= {"state": state} if state else {"from_widget": "1"}
        query |= {"referer": f"{self.grants.subdomain}.amocrm.ru", "client_id": client_id}
        redirect_uri = self.grants.integrations[client_id].redirect_uri
        return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(query)}"

    def controls(self) -> Sequence[BaseRoute]:
        return Controls(self).routes()
