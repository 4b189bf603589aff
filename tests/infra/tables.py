"""What a plan grants, watches, runs and leaves out of the logs, as tables of text.

Whatever a resource says that has no column of its own stands at the end of its line: nothing is left out but what
isn't known before it is made, and what every resource says alike.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from infra.offline import Plan

EVERYWHERE = (
    "project",
    "location",
    "region",
    "labels",
    "user_labels",
    "terraform_labels",
    "effective_labels",
    "timeouts",
    "deletion_policy",
)


def grants(plan: Plan) -> list[str]:
    """Who may do what: every grant of whatever type, our own roles, what is written down of access to keys."""
    found = [each for each in plan.resources if each["values"].get("role") or "_iam_" in each["type"]]
    return _lines(
        _line(each["address"], taken(values := dict(each["values"]), "role"), taken(values, "member"), rest=values)
        for each in found
    )


def functions(plan: Plan) -> list[str]:
    """As whom each function runs, who reaches it, which secrets it is handed."""
    lines = []
    for function in plan.of("google_cloudfunctions2_function"):
        (config,) = function["service_config"]
        secrets = ", ".join(
            f"{each['key']}={each['secret']}:{each['version']}" for each in config["secret_environment_variables"]
        )
        lines.append(_line(function["name"], config["service_account_email"], config["ingress_settings"], secrets))
    return _lines(lines)


def alerts(plan: Plan) -> list[str]:
    """Every condition: of which alert, on which series, when it fires."""
    lines = []
    for each in plan.resources:
        if each["type"] == "google_monitoring_alert_policy":
            policy = dict(each["values"])
            for name in ("notification_channels", "documentation"):
                policy.pop(name, None)  # tests of their own
            for condition in taken(policy, "conditions"):
                lines.append(_condition(each["index"], dict(condition), policy))
    return _lines(lines)


def _condition(alert: str, condition: dict[str, Any], policy: dict[str, Any]) -> str:
    absent = condition["condition_absent"]
    (watched,) = taken(condition, "condition_absent") or taken(condition, "condition_threshold")
    watched = dict(watched)
    (aggregation,) = (dict(each) for each in taken(watched, "aggregations"))
    fires = "absent" if absent else f"{taken(watched, 'comparison')} {taken(watched, 'threshold_value'):g}"
    aligned = f"{taken(aggregation, 'per_series_aligner')} {taken(aggregation, 'alignment_period')}"
    by = ", ".join(taken(aggregation, "group_by_fields") or ["all"])
    return _line(
        alert, taken(condition, "display_name"), f"{fires} for {taken(watched, 'duration')}", aligned,
        f"{taken(aggregation, 'cross_series_reducer')} by {by}",
        taken(watched, "filter"), rest={**policy, **condition, **watched, **aggregation},
    )  # fmt: skip


def ticks(plan: Plan) -> list[str]:
    """Every job of the scheduler, whole."""
    return whole(plan, "google_cloud_scheduler_job")


def exclusions(plan: Plan) -> list[str]:
    """Everything that keeps a line out of the logs, whole."""
    return whole(plan, "google_logging_project_exclusion")


def whole(plan: Plan, kind: str) -> list[str]:
    """Every resource of a type with all that it says."""
    return _lines(_line(each["address"], rest=each["values"]) for each in plan.resources if each["type"] == kind)


def taken(values: dict[str, Any], name: str) -> Any:
    """A value that has its column."""
    return values.pop(name, None)


def _line(*cells: str | None, rest: dict[str, Any] | None = None) -> str:
    left = said({name: value for name, value in (rest or {}).items() if name not in EVERYWHERE})
    return " | ".join(
        [*("-" if cell is None else str(cell) for cell in cells), *([json.dumps(left, sort_keys=True)] if left else [])]
    )


def said(value: Any) -> Any:
    """Without what is empty or absent, at every depth."""
    if isinstance(value, dict):
        return {name: kept for name, each in value.items() if (kept := said(each)) not in (None, [], {}, "")}
    return [said(each) for each in value] if isinstance(value, list) else value


def _lines(lines: Iterable[str]) -> list[str]:
    return sorted(lines)
