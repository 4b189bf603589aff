# The console's way in: a domain, a load balancer, and the identity-aware proxy before the function. The proxy lets in
# whom it is told to and signs for their account; the function believes nothing else.
variable "project_id" {
  type = string
}

variable "region" {
  type = string
}

variable "domain" {
  type = string
}

variable "service" {
  description = "The function's Cloud Run service. It may be made after this: the function is told whom the proxy signs for."
  type        = string
}

variable "people" {
  description = "Who may come at all: user:..., group:..., nothing wider."
  type        = set(string)
}

variable "oauth_client" {
  description = "Id and secret of an OAuth client of your own, which people outside of your organisation need; null takes Google's."
  type        = object({ id = string, secret = string })
  default     = null
  sensitive   = true
}

resource "google_compute_region_network_endpoint_group" "this" {
  name                  = "svyazka-console"
  project               = var.project_id
  region                = var.region
  network_endpoint_type = "SERVERLESS"
  cloud_run {
    service = var.service
  }
}

resource "google_compute_backend_service" "this" {
  name                  = "svyazka-console"
  project               = var.project_id
  load_balancing_scheme = "EXTERNAL_MANAGED"
  backend {
    group = google_compute_region_network_endpoint_group.this.id
  }
  iap {
    enabled              = true
    oauth2_client_id     = try(var.oauth_client.id, null)
    oauth2_client_secret = try(var.oauth_client.secret, null)
  }
  # An address of the console may hold a business's name, and an id.
  log_config {
    enable = false
  }
}

resource "google_iap_web_backend_service_iam_member" "people" {
  for_each            = var.people
  project             = var.project_id
  web_backend_service = google_compute_backend_service.this.name
  role                = "roles/iap.httpsResourceAccessor"
  member              = each.value
}

resource "google_compute_url_map" "this" {
  name            = "svyazka-console"
  project         = var.project_id
  default_service = google_compute_backend_service.this.id
}

module "entry" {
  source     = "../entry"
  project_id = var.project_id
  name       = "svyazka-console"
  domain     = var.domain
  url_map    = google_compute_url_map.this.id
}

output "address" {
  description = "Where the domain's A record must point."
  value       = module.entry.address
}

output "backend_id" {
  description = "What the proxy's word is for."
  value       = google_compute_backend_service.this.generated_id
}

output "asks_the_proxy" {
  description = "Whether every backend of the console asks the identity-aware proxy."
  value       = alltrue([for one in google_compute_backend_service.this.iap : one.enabled]) && length(google_compute_backend_service.this.iap) == 1
}

output "people" {
  description = "Everybody whom the proxy lets in."
  value       = sort([for one in google_iap_web_backend_service_iam_member.people : one.member])
}

output "roles" {
  value = [for one in google_iap_web_backend_service_iam_member.people : one.role]
}
