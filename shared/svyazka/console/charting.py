"""From the deliveries of a while to numbers and to the geometry of pictures: pure, and no picture without its table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from math import ceil
from typing import Literal

from pydantic import BaseModel, ConfigDict

from svyazka.catalogue import N_

WIDTH, HEIGHT = 720, 160
"""Of a picture, in units of its own."""

HOURS, DAYS = 24, 7
GAP = 0.2
"""Of a bar's place, left free."""

Outcome = Literal["good", "wait", "bad", "over"]

OUTCOMES: Mapping[Outcome, str] = {
    "good": N_("done"), "wait": N_("on its way, or waits"), "bad": N_("not done: look at it"),
    "over": N_("not needed any more"),
}  # fmt: skip
_BAD = frozenset({"failed", "dead", "unknown"})
_OVER = frozenset({"expired", "cancelled"})


class _Kind(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    kind: str = ""


class Done(BaseModel):
    """What a picture needs of a delivery: no text, nobody's name."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    tenant: str
    connection: str
    flow: str
    event: str
    command: _Kind
    status: str
    receipt: str = "none"
    created_at: datetime
    base_at: datetime
    settled_at: datetime | None = None
    cost: float | None = None

    @property
    def outcome(self) -> Outcome:
        if self.status == "succeeded":
            return "bad" if self.receipt == "undelivered" else "good"
        return "bad" if self.status in _BAD else "over" if self.status in _OVER else "wait"


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a bar."""

    series: str
    value: float
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Bars:
    """Stacked bars over time, and the numbers that they show."""

    moments: Sequence[datetime]
    series: Mapping[str, Sequence[float]]
    parts: Sequence[Part]
    top: float
    """What the highest line stands for."""

    @property
    def is_empty(self) -> bool:
        return not any(any(values) for values in self.series.values())

    def rows(self) -> Iterable[tuple[datetime, Sequence[float]]]:
        """The table: a moment and a number of each series, newest first, without what is nothing."""
        for at in range(len(self.moments) - 1, -1, -1):
            numbers = [values[at] for values in self.series.values()]
            if any(numbers):
                yield self.moments[at], numbers

    def total(self, name: str) -> float:
        return sum(self.series[name])


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a channel takes from what happened to what was done: half are quicker, and nineteen of twenty."""

    connection: str
    count: int
    half: float
    most: float
    half_width: float = 0.0
    most_width: float = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the funnel: how many came so far."""

    name: str
    count: int
    width: float


def stacked(moments: Sequence[datetime], series: Mapping[str, Sequence[float]]) -> Bars:
    """Bars for as many moments as there are."""
    sums = [sum(values[at] for values in series.values()) for at in range(len(moments))]
    top = _round_up(max(sums, default=0))
    place = WIDTH / max(len(moments), 1)
    parts = []
    for at in range(len(moments)):
        y = float(HEIGHT)
        for name, values in series.items():
            if not values[at]:
                continue
            height = values[at] / top * HEIGHT
            y -= height
            width = round(place * (1 - GAP), 1)
            x = round(at * place + place * GAP / 2, 1)
            parts.append(Part(name, values[at], x, round(y, 1), width, round(height, 1)))
    return Bars(moments, dict(series), parts, top)


def by_hour(done: Iterable[Done], now: datetime, zone: tzinfo) -> Bars:
    """Deliveries of the last day by the hour in which they were made, and how they stand."""
    last = now.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    moments = [last - timedelta(hours=HOURS - 1 - at) for at in range(HOURS)]
    series: dict[str, list[float]] = {name: [0] * HOURS for name in OUTCOMES}
    for one in done:
        at = int((one.created_at - moments[0]) // timedelta(hours=1))
        if 0 <= at < HOURS:
            series[one.outcome][at] += 1
    return stacked(moments, series)


LOWS = (99.0, 98.0, 95.0, 90.0, 80.0, 50.0, 0.0)
"""Where a picture of per cents may begin: those that are nearly a hundred are told apart only from near."""


@dataclass(frozen=True, slots=True)
class Agreements:
    """How many of the fields that a night compared were the same, in per cent."""

    nights: Sequence[tuple[datetime, int, int]]
    """Day, fields, of them the same; the oldest first."""
    parts: Sequence[Part]
    low: float
    """The per cent at the picture's foot; its head is a hundred."""


def agreements(nights: Iterable[tuple[datetime, int, int]], zone: tzinfo) -> Agreements:
    """By day, over all sides; a bar each."""
    sums: defaultdict[datetime, list[int]] = defaultdict(lambda: [0, 0])
    for at, fields, same in nights:
        day = sums[at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)]
        day[0] += fields
        day[1] += same
    found = [(day, fields, same) for day, (fields, same) in sorted(sums.items()) if fields]
    shares = [100 * same / fields for _day, fields, same in found]
    least = min(shares, default=100.0)
    low = next((one for one in LOWS if one < least), 0.0)
    place = WIDTH / max(len(found), 1)
    parts = []
    for index, share in enumerate(shares):
        height = max((share - low) / (100 - low) * HEIGHT, 1.0)
        x, width = round(index * place + place * GAP / 2, 1), round(place * (1 - GAP), 1)
        parts.append(Part("good", round(share, 2), x, round(HEIGHT - height, 1), width, round(height, 1)))
    return Agreements(found, parts, low)


def cost_by_day(done: Iterable[Done], now: datetime, zone: tzinfo) -> Bars:
    """What channels cost, the dearest first."""
    days = _days(now, zone)
    sums: defaultdict[str, list[float]] = defaultdict(lambda: [0.0] * DAYS)
    for one in done:
        at = _day(one.created_at, days, zone)
        if one.cost and at is not None:
            sums[one.connection][at] += one.cost
    dearest = sorted(sums, key=lambda name: -sum(sums[name]))
    return stacked(days, {name: [round(value, 2) for value in sums[name]] for name in dearest})


def reviews_by_day(done: Iterable[Done], now: datetime, zone: tzinfo, flows: frozenset[str]) -> Bars:
    """Reviews asked for."""
    days = _days(now, zone)
    asked = [0.0] * DAYS
    for one in done:
        at = _day(one.created_at, days, zone)
        if one.flow in flows and one.outcome == "good" and at is not None:
            asked[at] += 1
    return stacked(days, {"good": asked})


def paces(done: Iterable[Done]) -> Sequence[Pace]:
    """Of each channel that did anything, the quickest first."""
    taken: defaultdict[str, list[float]] = defaultdict(list)
    for one in done:
        if one.outcome == "good" and one.settled_at is not None:
            taken[one.connection].append(max((one.settled_at - one.base_at).total_seconds(), 0.0))
    found = [Pace(name, len(times), _quantile(times, 0.5), _quantile(times, 0.95)) for name, times in taken.items()]
    longest = max((one.most for one in found), default=0.0) or 1.0
    return sorted(
        (
            Pace(one.connection, one.count, one.half, one.most, _share(one.half, longest), _share(one.most, longest))
            for one in found
        ),
        key=lambda one: one.half,
    )


def funnel(done: Iterable[Done]) -> Sequence[Step]:
    """From what happened to what a person has read; of messages only."""
    messages = [one for one in done if one.command.kind == "SendMessage"]
    sent = [one for one in messages if one.outcome == "good"]
    arrived = [one for one in sent if one.receipt in ("delivered", "read")]
    counts = (
        (N_("events that ask for a message"), len({one.event for one in messages})),
        (N_("messages"), len(messages)),
        (N_("taken by the channel"), len(sent)),
        (N_("delivered"), len(arrived)),
        (N_("read"), sum(one.receipt == "read" for one in arrived)),
    )
    most = max(count for _, count in counts) or 1
    return [Step(name, count, _share(count, most)) for name, count in counts]


def _share(value: float, of: float) -> float:
    return round(value / of * WIDTH, 1)


def _quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that so great a share doesn't exceed."""
    ordered = sorted(values)
    return ordered[max(ceil(share * len(ordered)) - 1, 0)]


def _round_up(value: float) -> float:
    """To a number that a person reads at once: 1, 2 or 5 and noughts."""
    if value <= 0:
        return 1.0
    step = 1.0
    while True:
        for factor in (1, 2, 5):
            if value <= factor * step:
                return factor * step
        step *= 10


def _days(now: datetime, zone: tzinfo) -> list[datetime]:
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return [midnight - timedelta(days=DAYS - 1 - at) for at in range(DAYS)]


def _day(moment: datetime, days: Sequence[datetime], zone: tzinfo) -> int | None:
    at = (moment.astimezone(zone).date() - days[0].date()).days
    return at if 0 <= at < DAYS else None
