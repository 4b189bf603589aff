"""One event's whole story on one page: what came, what was decided, each attempt, and the buttons that go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from starlette.exceptions import HTTPException
from starlette.responses import Response

from svyazka.console.rendering import page
from svyazka.console.surroundings import Visit
from svyazka.engine.journal import documents as journal
from svyazka.model.commands import SendMessage
from svyazka.model.deliveries import FINAL, AuditLine, Delivery, Status
from svyazka.model.errors import ConfigError
from svyazka.model.reasons import REASONS, TO_DO, Reason
from svyazka.reading.masking import Masker
from svyazka.reading.stories import Story, load

REASON_LONG = 5
"""Letters of a reason for wanting to see a person's data: fewer say nothing."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A story as this page shows it."""

    story: Story
    masker: Masker

    def text(self, text: str | None) -> str:
        return self.masker.text(text, self.story.private) or ""

    def body(self, body: str | None) -> str:
        return self.masker.body(body, self.story.private) or ""

    @property
    def contact(self) -> Sequence[str]:
        event = self.story.event
        contact = self.masker.contact(event.event.contact) if event else None
        return [str(value) for value in (contact or {}).values() if value]

    def goes_to(self, delivery: Delivery) -> str:
        """Whom a message is for."""
        command = delivery.command
        to = self.masker.contact(command.to) if isinstance(command, SendMessage) else None
        return str((to or {}).get("phone") or (to or {}).get("email") or "")

    def says(self, delivery: Delivery) -> str:
        command = delivery.command
        return self.text(command.text) if isinstance(command, SendMessage) else ""

    @staticmethod
    def reason(name: str | None) -> str:
        return REASONS.get(name or "", "")

    @staticmethod
    def to_do(delivery: Delivery) -> str:
        """Of what isn't tried again by itself."""
        if delivery.status not in (Status.FAILED, Status.DEAD) or delivery.last_error is None:
            return ""
        return TO_DO.get(delivery.last_error.reason or "", TO_DO[Reason.OTHER])

    @staticmethod
    def may_be_resolved(delivery: Delivery) -> bool:
        return delivery.status is Status.UNKNOWN

    @staticmethod
    def may_begin_anew(delivery: Delivery) -> bool:
        return delivery.status in FINAL


async def _load(visit: Visit) -> Story:
    try:
        story = await load(visit.store, visit.request.path_params["id"])
    except ConfigError:
        raise HTTPException(404) from None
    visit.check(story.tenant)
    return story


async def story(visit: Visit) -> Response:
    """`/story/<id>`, masked."""
    found = await _load(visit)
    return page("story.html", visit, {"shown": Shown(found, visit.masker()), "tenant": found.tenant, "why": ""})


async def revealed(visit: Visit) -> Response:
    """The same with people as they are, once, for a reason that the audit keeps."""
    found = await _load(visit)
    form = await visit.form()
    reason = form.get("why", "").strip()[:200]
    if len(reason) < REASON_LONG or not visit.may(found.tenant):
        return page(
            "story.html", visit, {"shown": Shown(found, visit.masker()), "tenant": found.tenant, "why": reason}, 400
        )
    line = looked(visit, found.tenant, visit.request.path_params["id"], reason)
    await visit.store.commit([journal.create(line)])
    return page(
        "story.html", visit, {"shown": Shown(found, visit.masker(reveal=True)), "tenant": found.tenant, "why": ""}
    )


def looked(visit: Visit, tenant: str, target: str, reason: str) -> AuditLine:
    """The audit's line that somebody saw a person as they are, and why."""
    return AuditLine(
        id=f"aud_{uuid4().hex}", at=visit.around.clock.now(), who=visit.who(tenant), action="reveal", target=target,
        tenant=tenant, detail={"by": "console", "why": Masker().text(reason)},
    )  # fmt: skip
