# Paths reach the function unchanged: it looks for its key in the query, the headers and the last path segment only.
# Logging stays off, for a logged address would hold the key.
variable "project_id" {
  type = string
}

variable "region" {
  type = string
}

variable "domain" {
  type = string
  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.domain))
    error_message = "Expected a domain such as hooks.example.org, got ${var.domain}."
  }
}

variable "functions" {
  description = "Webhook functions: their vendor, and the service as the resource names it."
  type        = map(object({ vendor = string, service = string }))
}

locals {
  dashed = { for name in keys(var.functions) : name => replace(name, "_", "-") }
  paths = { for name, f in var.functions : name => flatten([
    for base in ["/api/webhook/${f.vendor}", "/webhook/${f.vendor}", "/${name}"] : [base, "${base}/*"]
  ]) }
}

resource "google_compute_region_network_endpoint_group" "this" {
  for_each              = var.functions
  name                  = "svyazka-${local.dashed[each.key]}"
  project               = var.project_id
  region                = var.region
  network_endpoint_type = "SERVERLESS"
  cloud_run {
    service = each.value.service
  }
}

resource "google_compute_backend_service" "this" {
  for_each              = var.functions
  name                  = "svyazka-${local.dashed[each.key]}"
  project               = var.project_id
  load_balancing_scheme = "EXTERNAL_MANAGED"
  backend {
    group = google_compute_region_network_endpoint_group.this[each.key].id
  }
  log_config {
    enable = false
  }
}

resource "google_compute_url_map" "this" {
  name            = "svyazka"
  project         = var.project_id
  default_service = google_compute_backend_service.this[sort(keys(var.functions))[0]].id
  host_rule {
    hosts        = [var.domain]
    path_matcher = "webhooks"
  }
  path_matcher {
    name            = "webhooks"
    default_service = google_compute_backend_service.this[sort(keys(var.functions))[0]].id
    dynamic "path_rule" {
      for_each = local.paths
      content {
        paths   = path_rule.value
        service = google_compute_backend_service.this[path_rule.key].id
      }
    }
  }
}

module "entry" {
  source     = "../entry"
  project_id = var.project_id
  name       = "svyazka"
  domain     = var.domain
  url_map    = google_compute_url_map.this.id
}

# Who deployed before this was a module of its own keeps what runs.
moved {
  from = google_compute_global_address.this
  to   = module.entry.google_compute_global_address.this
}

moved {
  from = google_compute_managed_ssl_certificate.this
  to   = module.entry.google_compute_managed_ssl_certificate.this
}

moved {
  from = google_compute_target_https_proxy.this
  to   = module.entry.google_compute_target_https_proxy.this
}

moved {
  from = google_compute_global_forwarding_rule.this
  to   = module.entry.google_compute_global_forwarding_rule.this
}

output "address" {
  description = "Where the domain's A record must point."
  value       = module.entry.address
}

output "paths" {
  value = { for name, paths in local.paths : name => paths }
}
