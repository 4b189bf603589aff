"""The named places, armed: at one of them the process ends or freezes.

`SVYAZKA_FAILPOINT=kill:perform.before_call:3` kills at the third passage; `stop:` freezes (SIGSTOP). Where several
processes share an environment, `kill:perform.before_call:3:FILE` strikes the one that makes the file first.
"""

from __future__ import annotations

import os
import signal

ACTION, WANTED, NTH, *ONCE = os.environ["SVYAZKA_FAILPOINT"].split(":", 3)
_passages = 0


def reach(point: str) -> None:
    """Pass a named place, perhaps for the last time."""
    global _passages
    if point != WANTED:
        return
    _passages += 1
    if _passages == int(NTH) and (not ONCE or _first(ONCE[0])):
        os.kill(os.getpid(), signal.SIGKILL if ACTION == "kill" else signal.SIGSTOP)


def _first(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    return True
