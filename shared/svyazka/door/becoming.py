"""What has become of a call, by the journal's own documents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from svyazka.engine.ports.store import Counting
from svyazka.model.standing import Standing, Step


async def standing_of(store: Counting, owner: tuple[str, str], id_: str) -> Standing | None:
    """How a call stands by the journal; None for what isn't this site's, alike for what isn't there. Raises
    Unavailable."""
    (document,) = await store.get_many([("events", id_)])
    record = json.loads(document.data) if document is not None else {}
    event = record.get("event", {})
    is_own = (event.get("tenant"), event.get("connection")) == owner
    found = await store.get_many([("deliveries", one) for one in (record.get("deliveries", ()) if is_own else ())])
    if not is_own:
        return None
    steps = tuple(_step(json.loads(one.data)) for one in found if one is not None)
    return Standing(event=id_, status=record["status"], reason=record.get("reason"), deliveries=steps)


def _step(delivery: Mapping[str, Any]) -> Step:
    """Of a delivery's document, without what a webhook function needn't load its model for."""
    command = delivery.get("command") or {}
    own = {name: delivery.get(name) for name in ("id", "flow", "step", "connection", "vendor", "status", "external_id")}
    error = delivery.get("last_error")
    return Step.model_validate(
        {
            **own, "command": command.get("kind"), "record": command.get("record"),
            "produced": delivery.get("produced") or (), "error": {"code": error["code"]} if error else None,
        }
    )  # fmt: skip
