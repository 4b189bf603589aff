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

from svyazka.catalogue import N_, Language, counted, said, told
from svyazka.console.links import without_commands
from svyazka.console.surroundings import Visit
from svyazka.console.veiling import veiled
from svyazka.console.words import ANSWERS, FLOWS, action, cause, event, field, vendor
from svyazka.model.problems import Problem
from svyazka.model.terminal import plain
from svyazka.reading.stories import addressee

TEMPLATES = Path(__file__).parent / "templates"

ROLES = (N_("looker"), N_("operator"), N_("owner"))
"""What somebody who has come in is called."""

GOOD = frozenset({"succeeded", "delivered", "read", "planned", "done", "ok", "paid"})
WAITING = frozenset(
    {"pending", "waiting_for", "in_flight", "accepted", "sent", "asked", "running", "waits", "waiting", "created"}
)
LATER = frozenset({"retrying", "parked", "blocked", "warn", "mended", "flapping", "paused"})
BAD = frozenset(
    {"failed", "dead", "unknown", "quarantined", "undelivered", "refused", "fail", "open", "held", "declined"}
)


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The one of this process."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=_finalize,
    )  # fmt: skip
    made.globals.update(
        tone=tone,
        addressee=addressee,
        event_name=event,
        action_name=action,
        field_name=field,
        cause_name=cause,
        vendor_name=vendor,
        without_commands=without_commands,
        answers=ANSWERS,
    )
    return made


def warmed() -> None:
    """Read all templates now, so that nobody's first look waits for it."""
    made = environment()
    for name in made.list_templates():
        made.get_template(name)


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
        "now": visit.around.clock.now(), "here": here(visit), "flow_name": partial(flow_name, visit),
        "problem_name": partial(problem_name, visit), **values,
    }  # fmt: skip
    return HTMLResponse(veiled(visit.around.keyring, _rendered(name, visit.language, shown)), status)


def bare(name: str, language: Language, values: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """A page for anybody."""
    return HTMLResponse(_rendered(name, language, values), status)


def _rendered(name: str, language: Language, values: Mapping[str, Any]) -> str:
    t = partial(said, language=language)
    shown = {
        "t": t, "tn": partial(counted, language=language), "told": lambda text: told(text or "", language),
        "lang": language, "when": when,
        "ago": partial(ago, t), "for_so_long": partial(for_so_long, t),
        "lasting": lambda seconds: lasting(t, timedelta(seconds=seconds)), "visit": None,
        **values,
    }  # fmt: skip
    return environment().get_template(name).render(shown)


def flow_name(visit: Visit, id_: str, tenant: str | None = None) -> str:
    """What a flow is called, by its id in the businesses' files; its id beside it where several do the same."""
    owners = [one for one in visit.tenants.values() if tenant in (None, one.id)]
    kind = next((spec.flow for one in owners for spec in one.flows if spec.id == id_), id_)
    words = FLOWS.get(kind)
    if words is None:
        return f"«{id_}»"  # its owner's own word, which is translated by nobody
    alike = any(sum(spec.flow == kind for spec in one.flows) > 1 for one in owners)
    name = told(words, visit.language)
    return f"{name} «{id_}»" if alike and kind != id_ else name


def problem_name(visit: Visit, problem: Problem) -> str:
    """What a card is called; a flow in it as people call flows."""
    title = told(problem.title, visit.language)
    owner = visit.tenants.get(problem.tenant)
    if owner is None or all(spec.id != problem.cause for spec in owner.flows):
        return title
    return title.replace(f"«{problem.cause}»", f"«{flow_name(visit, problem.cause, owner.id).strip('«»')}»")


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


def for_so_long(t: Any, moment: datetime, now: datetime) -> str:
    """`for 5 min`."""
    passed = now - moment
    return str(t("just now") if passed < timedelta(minutes=1) else t("for {time}", time=lasting(t, passed)))


def lasting(t: Any, passed: timedelta) -> str:
    """So long, in one unit."""
    if passed < timedelta(minutes=1):
        return str(t("less than a minute"))
    if passed < timedelta(hours=1):
        return str(t("{count} min", count=passed // timedelta(minutes=1)))
    if passed < timedelta(days=2):
        return str(t("{count} h", count=passed // timedelta(hours=1)))
    return str(t("{count} d", count=passed.days))
