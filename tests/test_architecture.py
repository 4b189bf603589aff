"""docs/architecture.md says what the code says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from svyazka.engine.contracts.manifest import CARRIED_BY, Manifest
from svyazka.model.deliveries import TRANSITIONS, Status
from svyazka.model.outages import TRANSITIONS as OUTAGE_WAYS
from svyazka.model.outages import OutageState

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")


UNDRAWN = {
    ("down", "healthy"), ("blocked", "healthy"),  # nothing waited: there was nothing to release
    ("releasing", "releasing"),  # one batch went, the next is due
}  # fmt: skip
"""Ways of an outage that its picture leaves out."""


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_each_way_that_is_drawn_is_one_that_a_delivery_can_go_and_every_state_is_drawn() -> None:
    arrows = re.findall(r"^    (\w+) --> (\w+)", section("One delivery"), re.MULTILINE)
    assert arrows
    assert [f"{a} --> {b}" for a, b in arrows if Status(b) not in TRANSITIONS[Status(a)]] == []
    assert {state for arrow in arrows for state in arrow} == {status.value for status in Status}


def test_each_way_that_is_drawn_is_one_that_an_outage_can_go_and_the_picture_leaves_none_out() -> None:
    """Drawn as people see it: `healthy` is a connection that has none, `down` and `blocked` what its probes leave."""
    drawn = set(re.findall(r"^    (\w+) --> (\w+)", section("One outage"), re.MULTILINE))
    seen = {"down": OutageState.OPEN, "blocked": OutageState.BLOCKED, "releasing": OutageState.RELEASING,
            "healthy": OutageState.CLOSED}  # fmt: skip
    begun = {("healthy", "down"), ("healthy", "blocked")}
    assert begun <= drawn, "a later outage is a new one"
    for before, after in drawn - begun:
        assert seen[after] in OUTAGE_WAYS[seen[before]], f"{before} --> {after}"
    ways = {(a, b) for a, one in seen.items() for b, other in seen.items() if other in OUTAGE_WAYS[one]}
    assert ways - drawn == UNDRAWN


def test_every_room_of_the_engine_is_told_of_in_the_order_that_imports_must_keep() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (floors,) = [one["layers"] for one in contracts if one.get("containers") == ["svyazka.engine"]]
    rows = [row.split("|")[1] for row in section("The engine's rooms").splitlines() if row.startswith("| `")]
    assert [name for row in rows for name in re.findall(r"`(\w+)(?:/|\.py)`", row)] == floors
    engine = ROOT / "shared" / "svyazka" / "engine"
    assert {path.stem for path in engine.iterdir() if path.stem not in ("__init__", "__pycache__")} == set(floors)


def test_every_capability_of_a_manifest_is_told_of() -> None:
    told = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`.*?) \|", section("A connector"), re.MULTILINE))))
    plain = {"vendor", "settings", "base_url", "limits", "credentials", "network", "tells", "silence"}
    plain |= {"title", "quality", "proposed", "failures"}
    plain |= {"title", "proposed", "quality", "failures"}
    assert told == set(Manifest.__dataclass_fields__) - plain
    assert set(CARRIED_BY.values()) <= told
