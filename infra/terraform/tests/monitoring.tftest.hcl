# Somebody is told, and told what to do.
variables {
  project_id   = "demo-svyazka"
  alert_emails = ["operator@example.org"]
}

override_data {
  target = data.google_project.this
  values = { number = "123456789012" }
}

run "every_alert_has_a_channel_and_a_runbook" {
  command = plan
  assert {
    condition     = alltrue([for alert in module.monitoring.alerts : alert.channels >= 1])
    error_message = "An alert tells nobody: ${join(", ", [for name, alert in module.monitoring.alerts : name if alert.channels < 1])}."
  }
  assert {
    condition     = alltrue([for name, alert in module.monitoring.alerts : alert.runbook == "${var.runbook_url}#${name}"])
    error_message = "An alert has no runbook: ${join(", ", [for name, alert in module.monitoring.alerts : name if alert.runbook != "${var.runbook_url}#${name}"])}."
  }
  assert {
    condition     = alltrue([for alert in module.monitoring.alerts : alert.conditions >= 1 && alert.enabled != false])
    error_message = "An alert never fires."
  }
  assert {
    condition = length(setsubtract([
      "connection-down", "deliveries-lost", "webhook-5xx", "webhook-slow", "sweep-silent", "queue-late", "function-unreachable",
    ], keys(module.monitoring.alerts))) == 0
    error_message = "An alert that operations rely on is gone."
  }
  assert {
    condition = alltrue([for name in keys(local.webhooks) :
      strcontains(google_logging_project_exclusion.webhook_requests.filter, "\"${local.services[name]}\"")
    ]) && strcontains(google_logging_project_exclusion.webhook_requests.filter, "run.googleapis.com/requests")
    error_message = "Request logs of a webhook function would hold ?key=..."
  }
}
