# The worker takes no call from the internet, and a function's own calls count as such unless they come through a
# network of the project's. This one has no way out but to Google's services; it costs nothing.
variable "project_id" {
  type = string
}

variable "region" {
  type = string
}

variable "range" {
  description = "Addresses for instances; each takes up to two during a deployment."
  type        = string
  default     = "10.119.0.0/26"
  validation {
    condition     = can(cidrhost(var.range, 0)) && tonumber(split("/", var.range)[1]) <= 26
    error_message = "Expected a range of /26 or larger."
  }
}

resource "google_compute_network" "this" {
  name                    = "svyazka-inside"
  project                 = var.project_id
  auto_create_subnetworks = false
}

resource "google_compute_subnetwork" "this" {
  name                     = "svyazka-inside"
  project                  = var.project_id
  region                   = var.region
  network                  = google_compute_network.this.id
  ip_cidr_range            = var.range
  private_ip_google_access = true # the worker's address, Firestore and Cloud Tasks are Google's
}

output "network" {
  value = {
    network    = google_compute_network.this.name
    subnetwork = google_compute_subnetwork.this.name
  }
}
