output "channels" {
  value = local.channels
}

output "alerts" {
  description = "Policy -> how many channels it tells, how many conditions it watches, its link to the runbook."
  value = { for name, policy in google_monitoring_alert_policy.this : name => {
    channels   = length(policy.notification_channels)
    conditions = length(policy.conditions)
    runbook    = try(one(policy.documentation[0].links[*].url), null)
    enabled    = policy.enabled
  } }
}

output "metrics" {
  value = { for name, metric in google_logging_metric.this : name => metric.filter }
}

output "checked" {
  description = "Functions with an uptime check."
  value       = sort(keys(google_monitoring_uptime_check_config.this))
}

output "dashboard" {
  value = "https://console.cloud.google.com/monitoring/dashboards?project=${var.project_id}"
}
