"""Money: whole kopecks and a currency, read from text and never a float; shares that add up to the kopeck."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import total_ordering
from typing import Any

from svyazka.model.base import Stored

RUB = "RUB"

MOST = 10**13
"""Kopecks: a hundred thousand million roubles. More than that is somebody's mistake."""

EXPONENTS = {RUB: 2}
"""Digits after the point by currency (ISO 4217). What isn't here is no currency of ours yet."""

_WRITTEN = re.compile(r"(\d{1,12})(?:\.(\d{1,2}))?", re.ASCII)


@total_ordering
class Money(Stored):
    """An amount. Sums of two currencies are refused, and so is everything that isn't whole kopecks."""

    kopecks: int
    currency: str = RUB

    @classmethod
    def read(cls, text: str, currency: str = RUB) -> Money:
        """`1049`, `1049.3`, `1049.30`. Raises ValueError for all else: a sign, blanks, an exponent, a third decimal."""
        if currency not in EXPONENTS:
            raise ValueError(f"expected a currency of {', '.join(EXPONENTS)}, got {currency[:10]!r}")
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise ValueError(f"expected an amount such as 1049.30, got {text[:40]!r}")
        return cls(kopecks=int(found[1]) * 100 + int((found[2] or "").ljust(2, "0")), currency=currency)

    @property
    def text(self) -> str:
        """`1049.30`."""
        whole, rest = divmod(abs(self.kopecks), 100)
        return f"{'-' if self.kopecks < 0 else ''}{whole}.{rest:02}"

    def __str__(self) -> str:
        return f"{self.text} {self.currency}"

    def __bool__(self) -> bool:
        return self.kopecks != 0

    def __add__(self, other: Money) -> Money:
        return self._of(self.kopecks + self._same(other))

    def __sub__(self, other: Money) -> Money:
        return self._of(self.kopecks - self._same(other))

    def __lt__(self, other: Money) -> bool:
        return self.kopecks < self._same(other)

    def times(self, quantity: str) -> Money:
        """The price of so many (`0.350`), rounded half up to the kopeck."""
        exact = Decimal(quantity) * self.kopecks
        return self._of(int(exact.quantize(Decimal(1), ROUND_HALF_UP)))

    def shared(self, weights: Sequence[int]) -> tuple[Money, ...]:
        """Shares in these proportions that add up exactly: what rounding down leaves goes, a kopeck each, to the
        largest remainders, of equal ones to the earlier. Nobody gets more than a kopeck beside the exact share."""
        total = sum(weights)
        if total <= 0 or min(weights) < 0:
            raise ValueError(f"expected weights of which one is positive and none negative, got {list(weights)[:10]}")
        if self.kopecks < 0:
            raise ValueError("only what is there can be shared")
        shares = [divmod(self.kopecks * weight, total) for weight in weights]
        left = self.kopecks - sum(share for share, _ in shares)
        by_remainder = sorted(range(len(shares)), key=lambda place: (-shares[place][1], place))
        more = set(by_remainder[:left])
        return tuple(self._of(share + (place in more)) for place, (share, _) in enumerate(shares))

    def _of(self, kopecks: int) -> Money:
        return Money(kopecks=kopecks, currency=self.currency)

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} aren't added up or compared")
        return other.kopecks


def sum_of(amounts: Sequence[Money], currency: str = RUB) -> Money:
    """Together; nothing is nothing of `currency`."""
    return sum(amounts, Money(kopecks=0, currency=amounts[0].currency if amounts else currency))


def amounts_as_text(body: bytes | str) -> Any:
    """JSON whose fractions stay the text that was sent: `1049.30`, never the float beside it. Signatures over values
    need it too. Raises ValueError."""
    return json.loads(body, parse_float=str)


LONGEST = 30
"""Digits before the point, or zeros behind it: what has more is no amount, and would be written out digit by digit."""


def plain_amount(text: str) -> str | None:
    """An amount as a card shows it, without needless zeros, spaces and a comma; None for what is none."""
    cleaned = "".join(text.split()).replace("\u2212", "-").replace(",", ".")
    try:
        amount = Decimal(cleaned)
    except InvalidOperation:
        return None
    if not amount.is_finite() or abs(amount.adjusted()) > LONGEST:
        return None
    return format(amount.normalize(), "f")
