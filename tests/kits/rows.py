"""A row of a failure map, and what became of an answer that says its case."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping

from svyazka.engine.contracts.failures import Case, FailureMap, Rule, outcome_of
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry

IN_PLACE_OF = (301, 302, 400, 401, 402, 403, 404, 405, 409, 410, 413, 421, 422, 451)
"""Statuses with which a page of somebody else's may come."""
PAGE = "<html>Доступ ограничен</html>"
SAYING_NOTHING = (
    "", "[]", "5", "ok", "{}", "[" * 100_000, '{"id": null}', '{"ok": "yes"}', '{"message": {}}',
    '{"messages": []}', '{"messages": [{"id": null}]}',
)  # fmt: skip


async def not_as_their_rows(
    table: FailureMap | None, says: Callable[[Case], Iterable[tuple[int, object]]],
    changed: Mapping[Case, Mapping[str, object]], answered: Callable[[int, object], Awaitable[Outcome | Exception]],
) -> dict[tuple[Case, int], Outcome | Exception]:  # fmt: skip
    """What an answer became, where that isn't what its row says. Every row is said at least once."""
    assert table is not None
    said, wrong = 0, {}
    for case, rule in table.rows():
        for status, content in says(case):
            outcome, said = await answered(status, content), said + 1
            if not is_as_its_row(case, rule, outcome, changed):
                wrong[case, status] = outcome
    assert said >= len(list(table.rows()))
    return wrong


def is_as_its_row(
    case: Case, rule: Rule, outcome: Outcome | Exception, changed: Mapping[Case, Mapping[str, object]]
) -> bool:
    """Kind, words, remedy, waiting to the second and whose trouble it is; a vendor may add its own words. `changed`:
    what it makes of a row by what the table can't know."""
    expected = outcome_of(rule, str(case.code or case.status)).model_copy(update=dict(changed.get(case, {})))
    words = (expected.message or "").replace("{status}", str(case.status))
    if type(outcome) is not type(expected) or words not in (outcome.message or ""):
        return False
    if getattr(outcome, "reason", None) != getattr(expected, "reason", None):
        return False
    match outcome, expected:
        case (Retry(), Retry()):
            return (outcome.after, outcome.outage, outcome.maybe_sent) == (
                expected.after, expected.outage, expected.maybe_sent,
            )  # fmt: skip
        case (Refused(), Refused()):
            return (outcome.remedy, outcome.opt_out) == (expected.remedy, expected.opt_out)
        case (Blocked(), Blocked()):
            return bool(outcome.remedy) and outcome.remedy == expected.remedy
    return True
