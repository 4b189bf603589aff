# A domain's way in: an address, its certificate, and HTTPS that ends here.
variable "project_id" {
  type = string
}

variable "name" {
  type = string
}

variable "domain" {
  type = string
}

variable "url_map" {
  description = "Where each path goes."
  type        = string
}

resource "google_compute_global_address" "this" {
  name    = var.name
  project = var.project_id
}

resource "google_compute_managed_ssl_certificate" "this" {
  name    = var.name
  project = var.project_id
  managed {
    domains = [var.domain]
  }
}

resource "google_compute_target_https_proxy" "this" {
  name             = var.name
  project          = var.project_id
  url_map          = var.url_map
  ssl_certificates = [google_compute_managed_ssl_certificate.this.id]
}

resource "google_compute_global_forwarding_rule" "this" {
  name                  = var.name
  project               = var.project_id
  target                = google_compute_target_https_proxy.this.id
  port_range            = "443"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.this.address
}

output "address" {
  description = "Where the domain's A record must point."
  value       = google_compute_global_address.this.address
}
