module "monitoring" {
  source = "./modules/monitoring"

  project_id    = var.project_id
  services      = { webhooks = [for name in sort(keys(local.webhooks)) : local.services[name]], worker = local.services[local.worker] }
  queues        = [for key in sort(keys(local.queues)) : module.queue[key].name]
  addresses     = { for name in keys(local.webhooks) : name => { host = trimprefix(local.public_url, "https://"), path = "/${module.function[name].name}" } }
  uptime_period = var.uptime_period
  emails        = var.alert_emails
  channels      = var.notification_channels
  runbook       = file("${path.module}/../../docs/operations.md")
  runbook_url   = var.runbook_url
  alerts_off    = var.alerts_off
  labels        = local.labels

  depends_on = [google_project_service.this]
}
