"""The plan is what the code and the operations guide say it is."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import cost
import generate
from infra.offline import TERRAFORM, Plan, Workspace, needs_the_tool

BASIC = {"roles/owner", "roles/editor", "roles/viewer"}
GENERATED = json.loads((TERRAFORM / "generated.json").read_text())
WAYS_IN = [name for name, each in GENERATED["functions"].items() if each["role"] == "webhook"]


def test_generated_files_are_in_step_with_the_code():
    assert generate.stale() == [], "run `python infra/generate.py`"


def test_the_format_is_terraforms_own():
    needs_the_tool("format of infra/terraform")
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-diff", "-recursive", "-no-color", TERRAFORM], capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stdout.decode()


def test_terraforms_own_assertions_hold(terraform: Workspace):
    """Those of infra/terraform/tests; the plans that other tests read prove the schema."""
    terraform.run("test")


ONE_FUNCTION = """
module "function" {
  source          = "%s"
  name            = "webhook_iiko"
  service_name    = "offline-service"
  description     = "The way in"
  region          = "europe-west1"
  project_id      = "demo-svyazka"
  source_zip      = { bucket = "bundles", object = "bundle.zip" }
  build = {
    service_account = "projects/demo-svyazka/serviceAccounts/build@x.iam.gserviceaccount.com"
    repository      = "projects/demo-svyazka/locations/europe-west1/repositories/svyazka"
  }
  service_account = "webhook@demo-svyazka.iam.gserviceaccount.com"
  size            = { memory = "512Mi", cpu = "1", concurrency = 16, timeout = 10, min = 0, max = 1 }
  public          = true
  invokers        = { queue = "serviceAccount:queue@demo-svyazka.iam.gserviceaccount.com" }
}
"""


def test_a_function_that_is_made_anew_gets_its_callers_anew(terraform: Workspace, tmp_path: Path):
    """Its service is a new one that nobody may call, while the state remembers the grants on the old."""
    (tmp_path / "main.tf").write_text(ONE_FUNCTION % (TERRAFORM / "modules" / "function"))
    terraform.run("init", "-input=false", folder=tmp_path)
    terraform.run("apply", "-auto-approve", folder=tmp_path)
    anew = "-replace=module.function.google_cloudfunctions2_function.this"
    told = terraform.run("plan", "-input=false", anew, folder=tmp_path)
    replaced = set(re.findall(r"# module\.function\.(\S+) will be replaced", told))
    grant = "google_cloud_run_service_iam_member"
    assert replaced == {"google_cloudfunctions2_function.this", f"{grant}.public[0]", f'{grant}.invoker["queue"]'}


def test_nobody_gets_a_basic_role_and_everybody_only_the_ways_in(plan: Plan):
    """Looks at every grant there is, of whatever type."""
    services = {name.replace("_", "-") for name, each in GENERATED["functions"].items() if each["role"] == "webhook"}
    grants = [each for each in plan.resources if each["values"].get("role")]
    assert len(grants) > 20
    for each in grants:
        values = each["values"]
        assert values["role"] not in BASIC, each["address"]
        assert not values["role"].endswith(("Admin", ".admin", ".owner")), each["address"]
        member = values.get("member") or ""
        if member.startswith("all"):
            assert (each["type"], values["role"]) == ("google_cloud_run_service_iam_member", "roles/run.invoker")
            assert (member, each["index"]) == ("allUsers", 0)
    public = [each for each in grants if each["values"].get("member") == "allUsers"]
    assert {re.search(r'function\["(\w+)"\]', each["address"])[1].replace("_", "-") for each in public} == services
    for role in plan.of("google_project_iam_custom_role"):
        assert not any("*" in permission for permission in role["permissions"])


def test_nobody_gets_into_the_console_but_through_the_proxy(plan: Plan, plan_with_options: Plan):
    """Every grant there is that lets anybody call its service, or past the proxy: one each, and none unless asked."""

    def callers(which: Plan) -> list[tuple[str, str]]:
        grants = [each for each in which.resources if "console" in each["address"] and each["values"].get("member")]
        calling = ("roles/run.invoker", "roles/iap.httpsResourceAccessor")
        return sorted(
            (one["values"]["role"], one["values"]["member"]) for one in grants if one["values"].get("role") in calling
        )

    proxy = "serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com"
    assert callers(plan) == []
    (accessor, invoker) = callers(plan_with_options)
    assert accessor == ("roles/iap.httpsResourceAccessor", "user:owner@example.org")
    assert invoker[0] == "roles/run.invoker"
    assert re.sub(r"service-\d*@", "service-123456789012@", invoker[1]) == proxy
    (backend,) = (
        one for one in plan_with_options.of("google_compute_backend_service") if one["name"] == "svyazka-console"
    )
    assert [one["enabled"] for one in backend["iap"]] == [True]
    behind = [one for one in plan_with_options.of("google_compute_backend_service") if one.get("iap")]
    assert behind == [backend]


def test_where_grants_to_everybody_are_forbidden_each_way_in_is_opened_otherwise(plan: Plan, plan_with_options: Plan):
    """`make deploy` runs these after every deployment; without the option there is nothing to run."""
    assert plan.outputs["after_deploy"] == ""
    commands = plan_with_options.outputs["after_deploy"].splitlines()
    services = sorted(name.replace("_", "-") for name in WAYS_IN)
    assert commands == [
        f"gcloud run services update {service} --no-invoker-iam-check"
        " --project=my-svyazka --region=europe-west1 --quiet"
        for service in services
    ]


def test_uptime_checks_ask_where_vendors_call(plan: Plan, plan_with_options: Plan):
    """A name, a certificate or a balancer that fails is noticed, not only a function."""
    for which in (plan, plan_with_options):
        public = which.outputs["environment"]["SVYAZKA_PUBLIC_URL"]
        asked = {
            f"https://{check['monitored_resource'][0]['labels']['host']}{check['http_check'][0]['path']}"
            for check in which.of("google_monitoring_uptime_check_config")
        }
        assert asked == {f"{public}/{name}" for name in WAYS_IN}


def test_no_key_is_in_the_state(plan: Plan):
    assert plan.of("google_secret_manager_secret_version") == []
    assert {secret["secret_id"] for secret in plan.of("google_secret_manager_secret")} == {
        "svyazka-mint", "svyazka-verify", "svyazka-vault",
    }  # fmt: skip
    for function in plan.of("google_cloudfunctions2_function"):
        (config,) = function["service_config"]
        assert not any(name.endswith("_KEYS") for name in config["environment_variables"])
        assert all(each["version"] == "latest" for each in config["secret_environment_variables"])


def test_a_function_is_told_all_that_it_reads(plan: Plan):
    """Names of the environment as the way in reads them, and as the settings' class does."""
    from svyazka.settings import Settings

    inbox = (TERRAFORM.parents[1] / "shared" / "svyazka" / "backends" / "google" / "inbox.py").read_text()
    asked = set(re.findall(r'environ\.get\("(SVYAZKA_\w+)", ""\)', inbox))
    known = {f"SVYAZKA_{name.upper()}" for name in Settings.model_fields} | {"SVYAZKA_KEYS_EPOCH"}
    for function in plan.of("google_cloudfunctions2_function"):
        (config,) = function["service_config"]
        given = set(config["environment_variables"])
        assert asked <= given
        assert {name for name in given if name.startswith("SVYAZKA_")} <= known


def test_nothing_bears_a_name_twice_and_all_that_can_bears_labels(plan: Plan):
    for kind in ("google_cloud_tasks_queue", "google_service_account", "google_logging_metric"):
        key = "account_id" if kind == "google_service_account" else "name"
        names = [each[key] for each in plan.of(kind)]
        assert len(names) == len(set(names))
    for kind in ("google_cloudfunctions2_function", "google_secret_manager_secret", "google_storage_bucket"):
        assert all(each["effective_labels"]["app"] == "svyazka" for each in plan.of(kind)), kind


def test_the_guides_cost_tables_are_the_computed_ones():
    guide = (TERRAFORM.parents[1] / "docs" / "operations.md").read_text()
    assert cost.text().strip() in guide, "run `python infra/cost.py` and put the tables into docs/operations.md"
