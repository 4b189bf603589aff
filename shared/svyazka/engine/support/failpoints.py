"""Named places at which the chaos suite ends or freezes the process: nothing at all in normal life.

`SVYAZKA_FAILPOINT=kill:perform.before_call:3` kills at the third passage; `stop:` freezes (SIGSTOP). Where several
processes share an environment, `kill:perform.before_call:3:FILE` strikes the one that makes the file first.
"""

from __future__ import annotations

import os
import signal

_PLAN = os.environ.get("SVYAZKA_FAILPOINT", "")
_passages = 0

POINTS = (
    "receive.before_verify", "receive.before_parse", "accept.before", "accept.after", "answer.before",
    "plan.before", "plan.before_commit", "plan.after_commit", "claim.before", "claim.after",
    "perform.before_call", "perform.after_call", "settle.before", "settle.after", "fallback.before", "sweep.before",
)  # fmt: skip
"""Before and after every numbered step of one event's way."""

RENEWAL_POINTS = (
    "oauth.before_claim", "oauth.after_claim", "oauth.before_call", "oauth.after_call", "oauth.before_store",
    "oauth.after_store",
)  # fmt: skip
"""The same for whoever renews a connection's access on the way."""


def reach(point: str) -> None:
    """Pass a named place."""
    if _PLAN:
        _act(point)


def _act(point: str) -> None:
    global _passages
    action, wanted, nth, *once = _PLAN.split(":", 3)
    if wanted != point:
        return
    _passages += 1
    if _passages == int(nth) and (not once or _first(once[0])):
        os.kill(os.getpid(), signal.SIGKILL if action == "kill" else signal.SIGSTOP)


def _first(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    return True
