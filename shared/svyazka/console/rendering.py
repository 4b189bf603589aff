"""Templates, and what they may call. Everything is escaped; signs that turn a line around or hide are seen."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from svyazka.catalogue import N_, Language, said, told
from svyazka.console.surroundings import Visit
from svyazka.console.words import ANSWERS, action, cause, event, field, flow
from svyazka.model.terminal import plain

TEMPLATES = Path(__file__).parent / "templates"

ROLES = (N_("looker"), N_("operator"), N_("owner"))
"""What somebody who has come in is called."""

GOOD = frozenset({"succeeded", "delivered", "read", "planned", "done", "ok"})
WAITING = frozenset({"pending", "waiting_for", "in_flight", "accepted", "sent", "asked", "running", "waits"})
LATER = frozenset({"retrying", "parked", "blocked", "warn", "mended", "flapping", "paused"})
BAD = frozenset({"failed", "dead", "unknown", "quarantined", "undelivered", "refused", "fail", "open", "held"})


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The one of this process."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=_finalize,
    )  # fmt: skip
    made.globals.update(
        tone=tone,
        flow_name=flow,
        event_name=event,
        action_name=action,
        field_name=field,
        cause_name=cause,
        answers=ANSWERS,
    )
    return made


def _finalize(value: Any) -> Any:
    if value is None:
        return ""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def tone(state: str) -> str:
    """How a state looks: `good`, `wait`, `later`, `bad`, or `over`."""
    for name, states in (("good", GOOD), ("wait", WAITING), ("later", LATER), ("bad", BAD)):
        if state in states:
            return name
    return "over"


def page(name: str, visit: Visit, values: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """A page for somebody who has come in."""
    shown = {
        "visit": visit, "form_key": visit.form_key, "fresh": lambda: secrets.token_urlsafe(9),
        "now": visit.around.clock.now(), "here": here(visit), **values,
    }  # fmt: skip
    return bare(name, visit.language, shown, status)


def bare(name: str, language: Language, values: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """A page for anybody."""
    t = partial(said, language=language)
    shown = {
        "t": t, "told": lambda text: told(text or "", language), "lang": language, "when": when,
        "ago": partial(ago, t), "lasting": lambda seconds: lasting(t, timedelta(seconds=seconds)), "visit": None,
        **values,
    }  # fmt: skip
    return HTMLResponse(environment().get_template(name).render(shown), status)


def here(visit: Visit) -> str:
    """This very page, to come back to."""
    url = visit.request.url
    return f"{url.path}?{url.query}" if url.query else url.path


def when(moment: datetime | None, zone: tzinfo, now: datetime) -> str:
    """`14:05` of today, `14.03 14:05` of this year, else with the year: on the clock of the business."""
    if moment is None:
        return ""
    local, today = moment.astimezone(zone), now.astimezone(zone)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    return f"{local:%d.%m %H:%M}" if local.year == today.year else f"{local:%d.%m.%Y %H:%M}"


def ago(t: Any, moment: datetime | None, now: datetime) -> str:
    """For how long, in one unit."""
    if moment is None:
        return ""
    return lasting(t, max(now - moment, timedelta()))


def lasting(t: Any, passed: timedelta) -> str:
    """So long, in one unit."""
    if passed < timedelta(minutes=1):
        return str(t("less than a minute"))
    if passed < timedelta(hours=1):
        return str(t("{count} min", count=passed // timedelta(minutes=1)))
    if passed < timedelta(days=2):
        return str(t("{count} h", count=passed // timedelta(hours=1)))
    return str(t("{count} d", count=passed.days))
