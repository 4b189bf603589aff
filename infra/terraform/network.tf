module "egress" {
  source = "./modules/egress"
  count  = var.static_egress ? 1 : 0

  project_id = var.project_id
  region     = var.region
  depends_on = [google_project_service.this]
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
