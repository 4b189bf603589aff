module "egress" {
  source = "./modules/egress"
  count  = var.static_egress ? 1 : 0

  project_id = var.project_id
  region     = var.region
  depends_on = [google_project_service.this]
}

# Through which the front door reaches the worker.
module "inside" {
  source = "./modules/inside"
  count  = var.static_egress ? 0 : 1

  project_id = var.project_id
  region     = var.region
  depends_on = [google_project_service.this]
}

locals {
  inside = var.static_egress ? module.egress[0].network : module.inside[0].network
}

module "balancer" {
  source = "./modules/balancer"
  count  = var.balancer == null ? 0 : 1

  project_id = var.project_id
  region     = var.region
  domain     = var.balancer.domain
  functions = { for name, f in local.webhooks : name => {
    vendor  = f.vendor
    service = module.function[name].service
  } }
  depends_on = [google_project_service.this]
}
