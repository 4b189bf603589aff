"""What a session of the front door holds beside whose it is: keyed hashes only."""

from __future__ import annotations

from enum import StrEnum

from svyazka.model.base import Stored


class Factor(StrEnum):
    """What somebody has shown beside their phone. A date shows its year too."""

    NOTHING = "nothing"
    BIRTH_YEAR = "birth_year"
    BIRTH_DATE = "birth_date"

    def serves_for(self, wanted: Factor) -> bool:
        """Whether it is as much as is asked for."""
        order = list(Factor)
        return order.index(self) >= order.index(wanted)


class Shown(Stored):
    """A second factor that was right."""

    factor: Factor = Factor.NOTHING
    names: tuple[str, ...] = ()
    """Keyed hashes of the names under which the journal speaks of whoever has shown it."""
