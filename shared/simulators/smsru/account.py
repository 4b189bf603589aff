"""What sms.ru knows of one account: money, names, limits, messages."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

MOSCOW = timezone(timedelta(hours=3))


@dataclass
class Message:
    """A message taken."""

    id: str
    api_id: str
    to: str
    text: str
    code: int
    cost: float


@dataclass
class Account:
    """One api_id's account. A fresh one is rich and may do anything; controls make it poorer."""

    api_id: str
    balance: float = 1_000_000.0
    price: float = 1.74
    """Roubles a part."""
    senders: list[str] | None = None
    """Approved names; [] makes every message fail with 221, None lets any name pass."""
    daily_limit: int = 1_000_000
    used_today: int = 0
    per_number_limit: int | None = None
    duplicates: bool = False
    """Refuse the same text to the same number within a minute (231) and too often a day (232)."""
    same_a_day: int = 3
    only_rf: bool = False
    stoplist: dict[str, str] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    """Numbers in sms.ru's own stop list (215)."""
    callbacks: list[str] = field(default_factory=list)
    refusals: dict[str, int] = field(default_factory=dict)
    """Number, or `*` for every one -> the code that it is refused with."""
    outer: int | None = None
    """The code that every request is refused with."""

    names_used: list[str] = field(default_factory=list)
    day: str = ""
    to_number: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    same: defaultdict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    """Moments at which a text went to a number today."""

    def new_day(self, now: float) -> None:
        """Begin the daily counters anew when the day has changed in Moscow."""
        day = f"{datetime.fromtimestamp(now, MOSCOW):%Y-%m-%d}"
        if self.day and day != self.day:
            self.used_today = 0
            self.to_number.clear()
            self.same.clear()
        self.day = day

    def approved(self) -> list[str]:
        """Names as /my/senders lists them."""
        return self.senders if self.senders is not None else (self.names_used or ["KOFE"])

    def refuses(self, number: str, text: str, sender: str | None, parts: int, now: float) -> int | None:
        """The code with which a message is refused, or None."""
        return self._by_name(sender) or self.unfit(number, text, parts) or self._over_a_limit(number, text, parts, now)

    def unfit(self, number: str, text: str, parts: int) -> int | None:
        """The code with which neither a message nor the question of its price is answered, or None."""
        told = self.refusals.get(number, self.refusals.get("*"))
        if told is not None:
            return told
        if not re.fullmatch(r"\d{11,15}", number):
            return 202
        if not text.strip():
            return 203
        if number in self.stoplist or number in self.complaints:
            return 209 if number in self.stoplist else 215
        if number.startswith("7") and not number.startswith("79"):
            return 207  # a land line or 8-800; Kazakhstan's mobile numbers are taken for them too
        if not number.startswith("7") and self.only_rf:
            return 214
        return 205 if parts > 8 else None

    def _by_name(self, sender: str | None) -> int | None:
        if self.senders is None:
            return None
        if not self.senders:
            return 221
        return 204 if sender and sender not in self.senders else None

    def _over_a_limit(self, number: str, text: str, parts: int, now: float) -> int | None:
        if self.duplicates:
            earlier = self.same[number, text]
            if earlier and now - earlier[-1] < 60:
                return 231
            if len(earlier) >= self.same_a_day:
                return 232
        if self.per_number_limit is not None and self.to_number[number] >= self.per_number_limit:
            return 230
        if self.used_today >= self.daily_limit:
            return 206
        return 201 if self.balance < parts * self.price else None

    def take(self, number: str, text: str, parts: int, now: float) -> float:
        """Count and charge a message; its cost."""
        cost = round(parts * self.price, 2)
        self.balance = round(self.balance - cost, 2)
        self.used_today += 1
        self.to_number[number] += 1
        if self.duplicates:
            self.same[number, text].append(now)
        return cost


def normalised(number: str) -> str:
    """Digits as sms.ru keys its answers by them: 11 of them, beginning with 7, for a Russian number."""
    digits = re.sub(r"\D", "", number)
    if len(digits) == 11 and digits[0] == "8":
        return "7" + digits[1:]
    return "7" + digits if len(digits) == 10 else digits
