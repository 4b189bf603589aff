resource "google_monitoring_notification_channel" "email" {
  for_each     = var.emails
  project      = var.project_id
  display_name = "Svyazka: ${each.value}"
  type         = "email"
  labels       = { email_address = each.value }
  user_labels  = var.labels
}

locals {
  channels = concat([for channel in google_monitoring_notification_channel.email : channel.id], sort(var.channels))
}

# The address that vendors use, so that a name, a certificate or a balancer that fails is noticed too. Each GET is
# answered without key, store or queue: the cheapest proof that the function starts.
resource "google_monitoring_uptime_check_config" "this" {
  for_each         = var.addresses
  project          = var.project_id
  display_name     = "svyazka-${replace(each.key, "_", "-")}"
  timeout          = "10s"
  period           = "${var.uptime_period}s"
  selected_regions = ["EUROPE", "USA_VIRGINIA", "ASIA_PACIFIC"]
  user_labels      = var.labels
  http_check {
    path         = each.value.path
    port         = 443
    use_ssl      = true
    validate_ssl = true
    accepted_response_status_codes {
      status_class = "STATUS_CLASS_2XX"
    }
  }
  content_matchers {
    content = "\"status\""
    matcher = "CONTAINS_STRING"
  }
  monitored_resource {
    type = "uptime_url"
    labels = {
      project_id = var.project_id
      host       = each.value.host
    }
  }
}
