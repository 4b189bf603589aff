"""From a remedy of the command line to the page or the button that does the same."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from svyazka.model.problems import Problem
from svyazka.model.requests import Wish

BUTTONS: dict[str, tuple[Wish, ...]] = {"retry": (Wish.RETRY,), "held": (Wish.RELEASE, Wish.DISCARD)}
"""Commands that are buttons on the card itself, about its connection."""

LISTS = ("deliveries", "events")


@dataclass(frozen=True, slots=True)
class Mending:
    """What a card offers."""

    buttons: tuple[Wish, ...] = ()
    page: str | None = None
    """Of the console, where one goes on."""
    command: str | None = None
    """To be typed: the console can't do it."""
    link: str | None = None
    person: str | None = None

    @property
    def is_dead_end(self) -> bool:
        return not (self.buttons or self.page or self.command or self.link or self.person)


def mending(problem: Problem) -> Mending:
    """What its remedy is here."""
    remedy = problem.remedy
    words = shlex.split(remedy.command or "")[1:]
    verb = words[0] if words else ""
    buttons, page = BUTTONS.get(verb, ()), None
    if verb in LISTS:
        page = f"/{verb}?{urlencode({'tenant': problem.tenant, **_options(words[1:])})}"
    elif verb == "show" and len(words) > 1:
        page = f"/story/{words[1]}"
    elif verb == "jobs" and len(words) > 2:
        page = f"/jobs/{words[2]}"
    elif verb == "secret":
        named = {"name": words[3]} if len(words) > 3 else {}
        page = f"/secrets?{urlencode({'tenant': problem.tenant, **named})}"
    elif verb == "auth" and problem.connection:
        page = f"/systems/{problem.tenant}/{problem.connection}/access"
    elif verb == "sync":
        page = f"/sync?{urlencode({'tenant': problem.tenant})}"
    elif verb == "diff" and words[2:3] == ["--flow"]:
        page = f"/sync/{quote(words[1])}/{quote(words[3])}"  # how far its systems agree
    elif verb == "doctor":
        page = f"/systems?{urlencode({'tenant': problem.tenant})}"
    command = None if buttons or page else remedy.command  # what the console can't do
    return Mending(buttons, page, command, remedy.link, remedy.person)


def _options(words: list[str]) -> dict[str, str]:
    """`--connection kofe/till --status dead` as a list's filter has it."""
    given = {words[at].removeprefix("--"): words[at + 1] for at in range(0, len(words) - 1, 2)}
    if "connection" in given:
        given["connection"] = given["connection"].rpartition("/")[2]
    return {name: value for name, value in given.items() if name in ("connection", "status")}
