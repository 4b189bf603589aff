"""Every numbered step of one event's way, killed and frozen: nothing lost, nothing doubled (short form)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest

from chaos.installation import LocalInstallation
from chaos.leaks import CREDENTIALS, leaks
from chaos.routes import ROUTES, SPINE, Route, channels, named
from chaos.scenario import failpoints, survive
from simulators.serve import Running
from svyazka.connectors.registry import CALLS_US, FRONT_DOOR, VENDORS, load_manifest
from svyazka.engine.support.failpoints import POINTS, RENEWAL_POINTS
from vendors import FISCALISERS, MESSENGERS, PROVIDERS, SOURCES
from vendors.parts.base import Guest

EVENTS = 12
STEPS = (
    ("receive.before_verify", "plan.before"), ("receive.before_parse", "plan.before_commit"),
    ("accept.before", "plan.after_commit"), ("accept.after", "perform.before_call"),
    ("answer.before", "perform.after_call"), ("settle.before",), ("settle.after",), ("claim.before",), ("claim.after",),
    ("sweep.before",),
)  # fmt: skip
"""Every named place once: of the accepting process, and of the working one at the same time."""

TELLING = (
    ("kill accept.before", "kill perform.after_call"),
    ("kill answer.before", "kill settle.before"),
    ("stop perform.before_call",),
)
"""Where a source's way in and a messenger's safety show."""

TOLD = [(route, TELLING[number % len(TELLING)]) for number, route in enumerate(ROUTES)]
"""Every route by one of them in turn: `make chaos` takes each route through all."""

Vendors = Callable[..., Running]


@pytest.mark.parametrize("action", ["kill", "stop"])
@pytest.mark.parametrize("points", STEPS, ids=", ".join)
async def test_processes_are_lost_at(points: tuple[str, ...], action: str, tmp_path: Path, vendors: Vendors) -> None:
    # What goes out at once is claimed in the commit that plans it; only what waits is claimed by itself.
    flow = {"delay": "2m"} if points[0].startswith("claim.") else {}
    installation = LocalInstallation(tmp_path, vendors(*SPINE), *SPINE, flow=flow)
    await survive(installation, failpoints(*(f"{action} {point}" for point in points)), events=EVENTS)


@pytest.mark.parametrize(
    ("route", "strikes"), TOLD, ids=lambda part: ", ".join(part) if isinstance(part[0], str) else named(part)
)
async def test_on_every_route_processes_are_lost_at(
    route: Route, strikes: tuple[str, ...], tmp_path: Path, vendors: Vendors
) -> None:
    source, via = route[0], channels(route[1])
    installation = LocalInstallation(tmp_path, vendors(source, *via), source, *via)
    await survive(installation, failpoints(*strikes), events=EVENTS)


@pytest.mark.parametrize("strike", [*(f"kill {point}" for point in RENEWAL_POINTS), "stop oauth.after_call"])
async def test_whoever_renews_a_sources_access_is_lost_at(strike: str, tmp_path: Path, vendors: Vendors) -> None:
    route = (SOURCES["amocrm"], MESSENGERS["smsru"])
    installation = LocalInstallation(tmp_path, vendors(*route), *route)
    await survive(installation, failpoints(strike, work=1), events=EVENTS)


def test_every_step_is_one_of_them() -> None:
    assert sorted(chain(*STEPS)) == sorted({*POINTS} - {"fallback.before"}), "a fallback's is test_fallback_chaos.py's"


def test_every_vendor_takes_part() -> None:
    sending = {vendor for vendor in VENDORS if any(map(load_manifest(vendor).carries, ("SendMessage", "Forward")))}
    assert MESSENGERS.keys() == sending
    # http is both. Bitrix24 tells each thing once, whatever we answer: what a killed process didn't take is found by
    # comparing, which the storms of systems in step rehearse (a hook that is lost). A route counts on being told again.
    # Providers of payments and fiscalisers tell of nobody; what a death does to these, their own kits rehearse.
    assert SOURCES.keys() == CALLS_US.keys() - sending - {FRONT_DOOR, "bitrix24", *PROVIDERS, *FISCALISERS} | {"http"}
    sources, messengers = zip(SPINE, *ROUTES, strict=True)
    assert {source.vendor for source in sources} == SOURCES.keys()
    assert {messenger.vendor for messenger in messengers} == MESSENGERS.keys()


@pytest.mark.parametrize("spoken", [Guest(7).phone, Guest(7).email, Guest(7).chat, "Иван", *CREDENTIALS])
def test_the_search_for_leaks_finds(spoken: str) -> None:
    assert leaks(f'{{"severity": "INFO", "message": "called", "with": "{spoken}"}}')
