"""Two systems that a flow keeps in step, and files that are brought into one of them."""

from __future__ import annotations

from typing import Any

from bringing import Brings
from listed_side import Listed
from svyazka.engine.agreeing.first_link import FirstLink
from svyazka.engine.agreeing.linking import Linking
from svyazka.engine.jobs.runner import Jobs
from svyazka.importing.carrying import Importing

IVAN = "1;Петров Иван;+7 999 123-45-67;;"
ANNA = "2;Сидорова Анна;+7 999 222-33-44;anna@example.org;"


class Office(Brings, Listed):
    """The house."""

    def start(self) -> None:
        super().start()
        works = [Importing(self.hub, self.worker.outages), *(
            work(self.hub, self.worker.outages) for work in (FirstLink, Linking)
        )]  # fmt: skip
        self.worker.jobs = Jobs(self.hub, self.worker.outages, works)


async def office(*names: str, **settings: Any) -> Office:
    house = Office(*names, **settings)
    await house.settle_in()
    return house
