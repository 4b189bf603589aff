"""From a remedy of the command line to the page or the button that does the same."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from svyazka.catalogue import N_
from svyazka.model.problems import FOLDED, Problem
from svyazka.model.requests import Wish

BUTTONS: dict[str, tuple[Wish, ...]] = {"retry": (Wish.RETRY,), "held": (Wish.RELEASE, Wish.DISCARD)}
"""Commands that are buttons on the card itself, about its connection."""

SEE, SET_KEY = N_("See what it is about"), N_("Set a new key")

LISTS = ("deliveries", "events")

DOING = {
    "unknown": N_("See them and say whether it was done"), "dead": N_("See them and try again"),
    "access_ends": SET_KEY, "access_refused": N_("Give access anew"),
    "job_held": N_("Decide how it goes on"), "job_failed": N_("Look why, and let it go on"),
    "in_step_asks": N_("Answer the questions"), "in_step_held": N_("Decide what becomes of them"),
    "in_step_drifts": N_("See where they differ"), "flood": N_("Look at what is held"),
    "min_fill": N_("Look at what is held"), "payment": N_("See the payment and put it right"),
    "receipt": N_("See the receipt and put it right"),
}  # fmt: skip
"""What one goes to a card's page for, by the kind of problem; of others to see what it is about."""


@dataclass(frozen=True, slots=True)
class Mending:
    """What a card offers."""

    buttons: tuple[Wish, ...] = ()
    page: str | None = None
    """Of the console, where one goes on."""
    doing: str = SEE
    """What one does there."""
    command: str | None = None
    """To be typed: the console can't do it."""
    link: str | None = None
    person: str | None = None

    @property
    def is_dead_end(self) -> bool:
        return not (self.buttons or self.page or self.command or self.link or self.person)


_COMMAND = re.compile(r"(?<!\s):?\s*svyazka [a-z][^.;]*")
_LED_ON = frozenset({"почему", "ещё раз", "подробно", "why", "again", "once more", "more"})
"""What only led on to a command."""


def without_commands(text: str) -> str:
    """What is told of a problem, without the commands in it: here a button or a page does the same."""
    kept = []
    for part in re.split(r"(?<=[.;])\s+", text):
        said, found = _COMMAND.subn("", part)
        if not found:
            kept.append(part)
        elif said.strip(".; ").casefold() not in _LED_ON:
            kept.append(said.rstrip(".;") + (part[-1] if part[-1] in ".;" else ""))
    return " ".join(kept).rstrip(";, ")


def mending(problem: Problem) -> Mending:
    """What its remedy is here."""
    remedy = problem.remedy
    words = shlex.split(remedy.command or "")[1:]
    verb = words[0] if words else ""
    buttons, page = BUTTONS.get(verb, ()), None
    if verb in LISTS:
        page = f"/{verb}?{urlencode({'tenant': problem.tenant, **_options(words[1:])})}"
    elif verb == "held" and problem.connection:
        held = {"tenant": problem.tenant, "connection": problem.connection, "status": "quarantined"}
        page = f"/events?{urlencode(held)}"
    elif verb == "show" and len(words) > 1:
        page = f"/story/{words[1]}"
    elif verb == "payments" and len(words) > 1:
        page = f"/payments/{words[1]}"
    elif verb == "subscriptions" and len(words) > 2:
        page = f"/subscriptions/{words[2]}"
    elif verb == "receipts" and len(words) > 1:
        page = f"/receipts/{words[1]}"
    elif verb == "jobs" and len(words) > 2:
        page = f"/jobs/{words[2]}"
    elif verb == "secret":
        named = {"name": words[3]} if len(words) > 3 else {}
        page = f"/secrets?{urlencode({'tenant': problem.tenant, **named})}"
    elif verb == "auth" and problem.connection:
        page = f"/systems/{problem.tenant}/{problem.connection}/access"
    elif verb == "sync":
        page = _of_flow(problem, "/doubts" if words[1:2] == ["status"] else "")
    elif verb == "diff":
        page = _of_flow(problem)  # how far its systems agree
    elif verb == "doctor":
        page = f"/systems?{urlencode({'tenant': problem.tenant})}"
    command = None if buttons or page else remedy.command  # what the console can't do
    doing = SET_KEY if verb == "secret" else DOING.get(problem.kind, SEE)
    return Mending(buttons, page, doing, command, remedy.link, remedy.person)


def _of_flow(problem: Problem, tab: str = "") -> str:
    """The page of the flow that is its cause; of one card for many flows, the list of them."""
    if problem.cause in ("", FOLDED):
        return f"/sync?{urlencode({'tenant': problem.tenant})}"
    return f"/sync/{quote(problem.tenant)}/{quote(problem.cause)}{tab}"


def _options(words: list[str]) -> dict[str, str]:
    """`--connection kofe/till --status dead` as a list's filter has it."""
    given = {words[at].removeprefix("--"): words[at + 1] for at in range(0, len(words) - 1, 2)}
    if "connection" in given:
        given["connection"] = given["connection"].rpartition("/")[2]
    return {name: value for name, value in given.items() if name in ("connection", "status")}
