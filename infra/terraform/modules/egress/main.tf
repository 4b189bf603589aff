# Direct VPC egress rather than a connector: no machines of its own that cost while nobody calls. NAT and the address
# do cost, which is why this is an option.
variable "project_id" {
  type = string
}

variable "region" {
  type = string
}

variable "range" {
  description = "Addresses for instances; each takes up to two during a deployment."
  type        = string
  default     = "10.118.0.0/26"
  validation {
    condition     = can(cidrhost(var.range, 0)) && tonumber(split("/", var.range)[1]) <= 26
    error_message = "Expected a range of /26 or larger."
  }
}

resource "google_compute_network" "this" {
  name                    = "svyazka"
  project                 = var.project_id
  auto_create_subnetworks = false
}

resource "google_compute_subnetwork" "this" {
  name                     = "svyazka"
  project                  = var.project_id
  region                   = var.region
  network                  = google_compute_network.this.id
  ip_cidr_range            = var.range
  private_ip_google_access = true # calls to Google's own APIs don't pay for NAT
}

resource "google_compute_address" "this" {
  name    = "svyazka-egress"
  project = var.project_id
  region  = var.region
}

resource "google_compute_router" "this" {
  name    = "svyazka"
  project = var.project_id
  region  = var.region
  network = google_compute_network.this.id
}

resource "google_compute_router_nat" "this" {
  name                               = "svyazka"
  project                            = var.project_id
  region                             = var.region
  router                             = google_compute_router.this.name
  nat_ip_allocate_option             = "MANUAL_ONLY"
  nat_ips                            = [google_compute_address.this.self_link]
  source_subnetwork_ip_ranges_to_nat = "LIST_OF_SUBNETWORKS"
  subnetwork {
    name                    = google_compute_subnetwork.this.id
    source_ip_ranges_to_nat = ["ALL_IP_RANGES"]
  }
}

output "network" {
  value = {
    network    = google_compute_network.this.name
    subnetwork = google_compute_subnetwork.this.name
  }
}

output "address" {
  description = "Tell the vendors that allow by IP."
  value       = google_compute_address.this.address
}
