# The ticks. Three jobs are what Cloud Scheduler gives free.
locals {
  # What the worker knows of is in generated.json: one without its schedule here fails the plan.
  ticks = { for name, path in local.generated.ticks : name => merge(local.schedules[name], { path = path }) }
  schedules = {
    sweep  = { schedule = "* * * * *", what = "queues again what is due and was not done; watches outages" }
    poll   = { schedule = "* * * * *", what = "asks vendors what we missed, each at its own pace" }
    retain = { schedule = "17 3 * * *", what = "blanks payloads past their retention" }
  }
}

resource "google_cloud_scheduler_job" "tick" {
  for_each    = local.ticks
  name        = "svyazka-${each.key}"
  region      = var.region
  description = each.value.what
  schedule    = each.value.schedule
  time_zone   = "Etc/UTC"
  # The next minute's tick is the retry; a daily one is worth repeating.
  attempt_deadline = "${local.deadlines.dispatch_deadline}s"
  retry_config {
    retry_count = each.key == "retain" ? 3 : 0
  }
  http_target {
    http_method = "POST"
    uri         = "${local.worker_url}${each.value.path}"
    oidc_token {
      service_account_email = google_service_account.this["scheduler"].email
      audience              = local.worker_url
    }
  }
  depends_on = [module.function]
}
