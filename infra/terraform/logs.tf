# A webhook's key may stand in its address, and request logs hold addresses: they are dropped at the router before
# anything keeps them. What we want to know of requests the platform counts in metrics, and our own lines say.
resource "google_logging_project_exclusion" "webhook_requests" {
  name        = "svyazka-webhook-requests"
  description = "Request logs of webhook functions would hold ?key=..."
  filter = join(" AND ", [
    "log_id(\"run.googleapis.com/requests\")",
    "resource.type=\"cloud_run_revision\"",
    "resource.labels.service_name=(${join(" OR ", [for name in sort(keys(local.webhooks)) : "\"${local.services[name]}\""])})",
  ])
}

resource "google_logging_project_bucket_config" "default" {
  project        = var.project_id
  location       = "global"
  bucket_id      = "_Default"
  retention_days = var.log_retention_days
  depends_on     = [google_project_service.this]
}

# Who read or changed a key.
resource "google_project_iam_audit_config" "secrets" {
  project = var.project_id
  service = "secretmanager.googleapis.com"
  dynamic "audit_log_config" {
    for_each = ["ADMIN_READ", "DATA_READ", "DATA_WRITE"]
    content {
      log_type = audit_log_config.value
    }
  }
}
