"""What is watched exists: each metric counts a line that the code logs, each filter names a metric and its labels."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from fakes import House, order
from infra.loglines import Line, lines, told, words
from infra.offline import ROOT, Plan

PLATFORM: dict[str, tuple[str, set[str]]] = {
    "run.googleapis.com/request_count": ("cloud_run_revision", {"response_code", "response_code_class"}),
    "run.googleapis.com/request_latencies": ("cloud_run_revision", {"response_code", "response_code_class"}),
    "run.googleapis.com/container/billable_instance_time": ("cloud_run_revision", set()),
    "cloudtasks.googleapis.com/queue/depth": ("cloud_tasks_queue", set()),
    "cloudtasks.googleapis.com/queue/task_attempt_delays": ("cloud_tasks_queue", set()),
    "firestore.googleapis.com/document/write_ops_count": ("firestore.googleapis.com/Database", {"op"}),
    "firestore.googleapis.com/document/read_ops_count": ("firestore.googleapis.com/Database", {"type"}),
    "monitoring.googleapis.com/uptime_check/check_passed": ("uptime_url", {"check_id"}),
}
"""The platform's own metrics that we look at: what they are of, and their labels.

Source: https://cloud.google.com/monitoring/api/metrics_gcp, section by section."""

USER = "logging.googleapis.com/user/"
NUMBERS = {"count", "seconds", "age_seconds", "attempt"}


def series(plan: Plan) -> Iterator[tuple[str, str, list[str]]]:
    """Every filter that is looked at: by whom, the filter, what it is grouped by."""
    for policy in plan.of("google_monitoring_alert_policy"):
        for condition in policy["conditions"]:
            (watched,) = condition["condition_threshold"] or condition["condition_absent"]
            (aggregation,) = watched["aggregations"]
            yield policy["display_name"], watched["filter"], aggregation["group_by_fields"] or []
    for widget in widgets(plan):
        for query in _queries(widget):
            yield widget["title"], query["filter"], query["aggregation"].get("groupByFields", [])


def widgets(plan: Plan) -> list[dict[str, Any]]:
    dashboard = json.loads(plan.one("google_monitoring_dashboard")["dashboard_json"])
    return [tile["widget"] for tile in dashboard["mosaicLayout"]["tiles"]]


def _queries(widget: dict[str, Any]) -> list[dict[str, Any]]:
    if "xyChart" in widget:
        return [data["timeSeriesQuery"]["timeSeriesFilter"] for data in widget["xyChart"]["dataSets"]]
    return [widget["scorecard"]["timeSeriesQuery"]["timeSeriesFilter"]] if "scorecard" in widget else []


def metrics(plan: Plan) -> dict[str, dict[str, Any]]:
    return {metric["name"]: metric for metric in plan.of("google_logging_metric")}


def counted(metric: dict[str, Any]) -> list[Line]:
    """The lines that a metric counts."""
    (message,) = re.findall(r'jsonPayload\.message="([^"]+)"', metric["filter"])
    return [line for line in lines() if line.message == message]


def test_every_metric_counts_a_line_that_the_code_logs(plan: Plan):
    for name, metric in metrics(plan).items():
        found = counted(metric)
        assert found, f"{name}: nothing logs what {metric['filter']} looks for"
        fields = set(re.findall(r"jsonPayload\.(\w+)=", metric["filter"])) - {"message"}
        fields |= {_extracted(text) for text in (metric["label_extractors"] or {}).values()}
        value = metric["value_extractor"] and _extracted(metric["value_extractor"])
        assert value is None or value in NUMBERS
        for line in found:
            missing = fields | ({value} if value else set())
            assert missing <= line.fields, f"{name}: {line.place} says nothing of {missing - line.fields}"


def _extracted(text: str) -> str:
    (field,) = re.findall(r"^EXTRACT\(jsonPayload\.(\w+)\)$", text)
    return field


def test_a_metrics_labels_are_those_that_it_extracts(plan: Plan):
    for name, metric in metrics(plan).items():
        (descriptor,) = metric["metric_descriptor"]
        assert {label["key"] for label in descriptor["labels"]} == set(metric["label_extractors"] or {}), name
        kinds = ("DISTRIBUTION", 1) if metric["value_extractor"] else ("INT64", 0)
        assert (descriptor["value_type"], len(metric["bucket_options"])) == kinds, name


def test_every_filter_names_a_metric_and_its_labels(plan: Plan):
    seen = list(series(plan))
    assert len(seen) > 30
    for whose, wanted, grouped in seen:
        (metric,) = re.findall(r'metric\.type="([^"]+)"', wanted)
        (resource,) = re.findall(r'resource\.type="([^"]+)"', wanted)
        if metric.startswith(USER):
            own = metrics(plan)[metric.removeprefix(USER)]
            of, labels = "cloud_run_revision", set(own["label_extractors"] or {})
        else:
            of, labels = PLATFORM[metric]
        assert resource == of, whose
        named = set(re.findall(r"metric\.labels\.(\w+)", " ".join([wanted, *grouped])))
        assert named <= labels, f"{whose}: {metric} has no label {named - labels}"


def test_every_value_that_a_filter_looks_for_is_one_that_the_code_says(plan: Plan):
    said = words()
    filters = [(whose, wanted) for whose, wanted, _ in series(plan) if USER in wanted]
    filters += [(name, metric["filter"]) for name, metric in metrics(plan).items()]
    looked = 0
    for whose, wanted in filters:
        for label, text in re.findall(
            r"(?:metric\.labels|jsonPayload)\.(\w+)=(one_of\([^)]*\)|starts_with\([^)]*\)|\"[^\"]*\")", wanted
        ):
            for value in re.findall(r'"([^"]*)"', text):
                looked += 1
                begins = text.startswith("starts_with")
                assert any(word.startswith(value) if begins else word == value for word in said), (
                    f"{whose}: {label}={value}"
                )
    assert looked > len(metrics(plan))


def test_what_the_product_tells_people_wakes_an_alert_too(plan: Plan):
    watched = " ".join(
        condition["condition_threshold"][0]["filter"]
        for policy in plan.of("google_monitoring_alert_policy")
        for condition in policy["conditions"]
        if condition["condition_threshold"]
    )
    assert len(told()) > 4
    assert {kind for kind in told() if f'"{kind}"' not in watched} == set()


def test_services_and_queues_that_are_watched_are_those_that_are_made(plan: Plan):
    services = {each["name"].replace("_", "-") for each in plan.of("google_cloudfunctions2_function")}
    queues = {each["name"] for each in plan.of("google_cloud_tasks_queue")}
    text = " ".join([wanted for _, wanted, _ in series(plan)] + [each["filter"] for each in metrics(plan).values()])
    named = re.findall(r'service_name=(?:one_of)?\(?("[^)]*?")(?:\)| AND|$)', text)
    assert {name for group in named for name in re.findall(r'"([^"]+)"', group)} == services
    assert {
        name for group in re.findall(r"queue_id=one_of\(([^)]*)\)", text) for name in re.findall(r'"([^"]+)"', group)
    } == queues


def test_no_metric_is_kept_for_nothing(plan: Plan):
    looked_at = {name for _, wanted, _ in series(plan) for name in re.findall(rf'metric\.type="{USER}([^"]+)"', wanted)}
    assert looked_at == set(metrics(plan))


def test_every_alert_says_what_to_do_in_the_message_itself(plan: Plan, plan_with_options: Plan):
    """Whoever is woken need not find the guide; where it can be read on the web there is a link too."""
    guide = (ROOT / "docs" / "operations.md").read_text()
    for each in plan.resources:
        if each["type"] == "google_monitoring_alert_policy":
            (said,) = each["values"]["documentation"]
            paragraph = guide.partition(f"\n### {each['index']}\n")[2].partition("\n#")[0].strip()
            assert len(paragraph) > 80, each["index"]
            assert said["content"].strip() == re.sub(r"\[([^]]+)\]\(#[^)]+\)", r"`\1`", paragraph)
            assert len(said["content"].encode()) < 10_000, "the service takes no more"
            assert not said.get("links"), "nobody has said where the guide can be read"
    for each in plan_with_options.resources:
        if each["type"] == "google_monitoring_alert_policy":
            (said,) = each["values"]["documentation"]
            assert [link["url"] for link in said["links"]] == [f"https://wiki.example.org/svyazka#{each['index']}"]
            assert "](#" not in said["content"]


def test_alerts_and_dashboard_wait_until_their_metrics_are_known(plan: Plan):
    """Monitoring answers 404 for up to ten minutes, and a first deployment would end there."""
    (wait,) = plan.of("time_sleep")
    assert wait["create_duration"] == "600s"
    assert {f"svyazka/{name}" for name in wait["triggers"]["metrics"].split(",")} == set(metrics(plan))
    assert plan.waits_for["time_sleep"] == ["google_logging_metric.this"]
    for kind in ("google_monitoring_alert_policy", "google_monitoring_dashboard"):
        assert plan.waits_for[kind] == ["time_sleep.metrics_are_known"]


def test_the_guide_says_how_many_conditions_are_billed(plan: Plan):
    guide = (ROOT / "docs" / "operations.md").read_text()
    conditions = sum(len(policy["conditions"]) for policy in plan.of("google_monitoring_alert_policy"))
    assert f"There are {conditions};" in guide


def test_the_dashboard_is_one_that_the_service_gives_back_as_it_was_sent(plan: Plan):
    text = plan.one("google_monitoring_dashboard")["dashboard_json"]
    assert not re.search(r'":(null|0)[,}]', text)
    tiles = json.loads(text)["mosaicLayout"]["tiles"]
    taken: set[tuple[int, int]] = set()
    for tile in tiles:
        x, y = tile.get("xPos", 0), tile.get("yPos", 0)
        places = {(x + i, y + j) for i in range(tile["width"]) for j in range(tile["height"])}
        assert x + tile["width"] <= 48
        assert not places & taken, tile["widget"]["title"]
        taken |= places


async def test_one_event_writes_the_lines_that_the_dashboard_counts(capsys: pytest.CaptureFixture[str]):
    house = House()
    await house.settle_in()
    await house.post(order())
    await house.run()
    await house.worker.handle("/sweep", {})
    said = {line["message"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert said["accepted"]["status"] == "accepted"
    assert said["planned"]["type"] == "order.completed"
    assert said["attempt"]["status"] == said["delivery moved"]["status"] == "succeeded"
    assert said["attempt"]["seconds"] >= 0
    assert said["attempt"]["age_seconds"] >= 0
    assert (said["swept"]["count"], said["swept"]["age_seconds"]) == (0, 0)
    for name in ("accepted", "planned", "attempt", "delivery moved"):
        assert (said[name]["tenant"], said[name]["severity"]) == ("kofe", "INFO")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", said[name]["time"])
    assert said["accepted"]["event"] == said["planned"]["event"] == said["attempt"]["event"]
    assert said["attempt"]["delivery"] == said["delivery moved"]["delivery"]


def test_every_line_says_more_than_its_sentence():
    """A line with nothing else would be kept as text, where no metric looks for `jsonPayload.message`."""
    assert [line.place for line in lines() if not line.fields] == []
