"""A code or a confirmation letter on demand. Whoever asks for it makes the code, and checks it afterwards.

Asked for through the engine's `send` entry with `{"flow": ID, "code": "1234"}`. It lives for minutes, knows no quiet
hours and no do-not-contact list, for its reader is waiting for it; what may have been sent is never sent again.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import ClassVar
from urllib.parse import quote

from pydantic import Field, field_validator, model_validator

from svyazka.catalogue import _
from svyazka.engine.contracts.flow import Channel, Decision, Facts, Flow, FlowContext
from svyazka.flows.messages import TextSettings, after, composer, message_steps
from svyazka.model.commands import Guards, Plan, SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.events import Event, EventType
from svyazka.model.tenants import Duration

LONGEST_LIFE = timedelta(hours=24)

_CODE = re.compile(r"[A-Za-z0-9._~-]{4,128}", re.ASCII)
"""Digits for a person to type, or a longer token for the link of a letter."""


class OneTimeCodeSettings(TextSettings):
    """`one_time_code`: `text` holds {code}, or {confirm_url} where a link is followed instead."""

    placeholders: ClassVar[frozenset[str]] = frozenset({"code", "confirm_url", "business", "minutes"})

    confirm_url: str | None = Field(default=None, pattern=r"^https://\S*\{code\}\S*$")
    """The link of a letter, such as https://example.org/confirm/{code}."""
    expires_after: Duration = timedelta(minutes=10)

    @field_validator("expires_after")
    @classmethod
    def _minutes(cls, value: timedelta) -> timedelta:
        if not timedelta(minutes=1) <= value <= LONGEST_LIFE:
            raise ValueError(_("expected between 1m and 24h: a code is of use for minutes"))
        return value

    @model_validator(mode="after")
    def _has_its_code(self) -> OneTimeCodeSettings:
        written = [self.text, *self.texts.values(), self.html, self.template and str(self.template)]
        for text in filter(None, written):
            if "{code}" not in text and "{confirm_url}" not in text:
                raise ValueError(_("expected {code} or {confirm_url} in every text, in html and in template"))
            if "{confirm_url}" in text and self.confirm_url is None:
                raise ValueError(_("confirm_url: expected the link that {confirm_url} stands for"))
        return self


class OneTimeCode(Flow[OneTimeCodeSettings]):
    """One message for each request, through the first channel that reaches the person."""

    name = "one_time_code"
    needs_sources = False
    suggested = {"text": "Ваш код: {code}. {business}", "fallback_after": "2m"}

    def settings_model(self) -> type[OneTimeCodeSettings]:
        return OneTimeCodeSettings

    def wants(self, settings: OneTimeCodeSettings) -> frozenset[EventType]:
        return frozenset({EventType.SEND_REQUESTED})

    def plan(self, event: Event, facts: Facts, settings: OneTimeCodeSettings, context: FlowContext) -> Decision:
        contact, code = event.contact or Contact(), event.data.get("code")
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            return Decision(reason="expected `code`: 4 to 128 letters, digits and . _ ~ -")
        minutes = max(1, int(settings.expires_after.total_seconds() // 60))
        trusted = {"code": code, "business": context.tenant_name, "minutes": str(minutes)}
        if settings.confirm_url is not None:
            trusted["confirm_url"] = settings.confirm_url.replace("{code}", quote(code, safe=""))
        write = composer(settings, {}, trusted, contact)

        def compose(channel: Channel) -> SendMessage:
            return write(channel).model_copy(update={"code": True})

        steps = message_steps("code", context.channels, contact, compose)
        if not steps:
            return Decision(reason="no address that any of its channels reaches")
        guards = Guards(expires_at=after(event.received_at, settings.expires_after))
        fallback_after = settings.fallback_after or settings.expires_after / 4
        return Decision([Plan.of(event.subject, steps, guards, fallback_after)])


FLOW = OneTimeCode()
