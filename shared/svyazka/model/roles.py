"""What somebody may do at the console."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Each may also do what those before it may."""

    LOOKER = "looker"
    OPERATOR = "operator"
    OWNER = "owner"

    def covers(self, needed: Role) -> bool:
        """Whether this role is enough for what needs another."""
        order = list(Role)
        return order.index(self) >= order.index(needed)
