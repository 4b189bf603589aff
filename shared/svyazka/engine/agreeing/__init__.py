"""Whether systems agree: lists against what was last agreed, each night; and what links two filled systems at first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from svyazka.engine.hub import Hub
    from svyazka.engine.jobs.work import Work
    from svyazka.engine.outages.learning import Outages

__all__ = ["comparing_works"]


def comparing_works(hub: Hub, outages: Outages) -> list[Work]:
    """The long work about systems that are kept in step. Imported when it is made: whoever only looks at what a night
    has found needs none of it."""
    from svyazka.engine.agreeing.agreement import Agreement
    from svyazka.engine.agreeing.check import Check
    from svyazka.engine.agreeing.first_link import FirstLink
    from svyazka.engine.agreeing.linking import Linking

    return [Agreement(hub, outages), FirstLink(hub, outages), Linking(hub, outages), Check(hub, outages)]
