resource "google_billing_budget" "this" {
  provider        = google.billing
  count           = var.budget == null ? 0 : 1
  billing_account = var.budget.billing_account
  display_name    = "Svyazka ${var.project_id}"
  budget_filter {
    projects = ["projects/${data.google_project.this.number}"]
  }
  amount {
    specified_amount {
      currency_code = var.budget.currency
      units         = tostring(floor(var.budget.amount))
    }
  }
  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1]
    content {
      threshold_percent = threshold_rules.value
    }
  }
  all_updates_rule {
    monitoring_notification_channels = slice(module.monitoring.channels, 0, min(5, length(module.monitoring.channels)))
  }
  depends_on = [google_project_service.this]
}
