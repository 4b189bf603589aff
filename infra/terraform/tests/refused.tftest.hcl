# What can't work or shouldn't be is refused before anything is made.
variables {
  project_id   = "demo-svyazka"
  alert_emails = ["operator@example.org"]
}

override_data {
  target = data.google_project.this
  values = { number = "123456789012" }
}

run "wrong_values_are_refused_by_name" {
  command = plan
  variables {
    project_id          = "My Project"
    region              = "europe"
    operators           = ["allAuthenticatedUsers"]
    alert_emails        = []
    runbook_url         = "http://example.org/#there"
    webhook             = { cpu = "0.583" } # one request at a time, then
    worker              = { timeout = 180 } # outlives the queue's patience
    sizes               = { webhook_of_nobody = { min = 1 } }
    database            = { backup_days = 99 }
    accounts_per_vendor = 0
  }
  expect_failures = [
    var.project_id, var.region, var.operators, var.alert_emails, var.runbook_url, var.webhook, var.worker, var.sizes,
    var.database, var.accounts_per_vendor,
  ]
}

run "a_worker_that_ends_before_its_lease_is_refused" {
  command = plan
  variables {
    worker = { timeout = 60 }
  }
  expect_failures = [var.worker]
}
