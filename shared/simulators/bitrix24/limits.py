"""How much of a portal one may use: a bucket that leaks, and the time that each method may work."""

from __future__ import annotations

from dataclasses import dataclass, field

MINUTE, WINDOW = 60.0, 600.0


@dataclass
class Bucket:
    """Every call adds one, two a second leak away; over the rim a call is turned away."""

    holds: float = 50.0
    leaks: float = 2.0
    level: float = 0.0
    highest: float = 0.0
    overflowed: int = 0
    _at: float = 0.0

    def takes(self, now: float) -> bool:
        """Count a call; False when the bucket is full."""
        self.level = max(0.0, self.level - max(now - self._at, 0.0) * self.leaks)
        self._at = now
        if self.level + 1 > self.holds:
            self.overflowed += 1
            return False
        self.level += 1
        self.highest = max(self.highest, self.level)
        return True


@dataclass
class Minute:
    """What one method worked in one minute."""

    began: float
    seconds: float = 0.0


@dataclass
class Operating:
    """Seconds that each method has worked within ten minutes, in ten sums of a minute each."""

    most: float = 480.0
    usual: float = 0.12
    costs: dict[str, float] = field(default_factory=dict)
    """Method -> seconds of one call, where it isn't the usual."""
    _minutes: dict[str, list[Minute]] = field(default_factory=dict)

    def is_used_up(self, method: str, now: float) -> bool:
        """Looked at before a call: the one that goes over still passes."""
        return self.used(method, now) > self.most

    def used(self, method: str, now: float) -> float:
        known = [one for one in self._minutes.get(method, []) if one.began > now - WINDOW]
        self._minutes[method] = known
        return sum(one.seconds for one in known)

    def count(self, method: str, now: float) -> None:
        """A call has worked."""
        known = self._minutes.setdefault(method, [])
        if not known or known[-1].began <= now - MINUTE:
            known.append(Minute(now))
        known[-1].seconds += self.costs.get(method, self.usual)

    def resets_at(self, method: str, now: float) -> int:
        """When the oldest of its sums falls away."""
        known = self._minutes.get(method)
        return int((known[0].began if known else now) + WINDOW)
