module "monitoring" {
  source = "./modules/monitoring"

  project_id    = var.project_id
  services      = { webhooks = [for name in sort(keys(local.webhooks)) : local.services[name]], worker = local.services[local.worker] }
  queues        = [for key in sort(keys(local.queues)) : module.queue[key].name]
  hosts         = { for name in keys(local.webhooks) : name => trimprefix(module.function[name].uri, "https://") }
  uptime_period = var.uptime_period
  emails        = var.alert_emails
  channels      = var.notification_channels
  runbook_url   = var.runbook_url
  alerts_off    = var.alerts_off
  labels        = local.labels

  depends_on = [google_project_service.this]
}
