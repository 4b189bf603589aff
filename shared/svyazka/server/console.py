"""Log lines for a person who watches `svyazka run`; where nobody watches they stay JSON."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from typing import IO

from svyazka.catalogue import told, wanted
from svyazka.engine.support.logs import Shape, in_json
from svyazka.model.terminal import plain

BARE = ("vendor", "event", "delivery", "outage", "type", "status")
"""Fields that speak for themselves; the others are named."""
ELSEWHERE = ("severity", "message", "time", "tenant", "connection", *BARE)


def shape_for(stream: IO[str]) -> Shape:
    """Sentences for a terminal, JSON for everything else."""
    return in_a_sentence if stream.isatty() else in_json


def in_a_sentence(line: Mapping[str, object]) -> str | None:
    """`15:53:01  accepted: kofe/till iiko evt_... accepted, count 1`; nothing of what only machines count."""
    if line["severity"] == "DEBUG":
        return None
    clock = f"{datetime.fromisoformat(str(line['time'])).astimezone():%H:%M:%S}"
    loud = "" if line["severity"] in ("INFO", "NOTICE") else f"{line['severity']} "
    whose = "/".join(str(line[name]) for name in ("tenant", "connection") if name in line)
    speaks = wanted(os.environ)
    said = {**line, "status": told(str(line.get("status", "")), speaks)}
    bare = " ".join(filter(None, (whose, *(str(said[name]) for name in BARE if name in line))))
    named = [f"{name} {value}" for name, value in line.items() if name not in ELSEWHERE]
    sentence = f"{clock}  {loud}{told(str(line['message']), speaks)}: {', '.join(filter(None, (bare, *named)))}"
    return plain(" ".join(sentence.splitlines()))
