output "webhook_urls" {
  description = "Where each vendor calls; `svyazka urls TENANT` adds the key of each connection."
  value       = { for name, f in local.webhooks : name => module.function[name].url }
}

output "webhook_short_urls" {
  description = "The same by the brief's paths; empty without a load balancer."
  value       = var.balancer == null ? {} : { for name, f in local.webhooks : name => "https://${var.balancer.domain}/${f.asks ? "ingest" : "api/webhook/${f.vendor}"}" }
}

output "worker_url" {
  description = "What tasks are addressed to; nobody else gets in."
  value       = local.worker_url
}

output "environment" {
  description = "What the command line needs to work on this installation (docs/operations.md)."
  value = {
    SVYAZKA_BACKEND        = "google"
    SVYAZKA_PROJECT        = var.project_id
    SVYAZKA_REGION         = var.region
    SVYAZKA_WORKER_URL     = local.worker_url
    SVYAZKA_WORKER_ACCOUNT = google_service_account.this["queue"].email
    SVYAZKA_PUBLIC_URL     = local.public_url
    SVYAZKA_BUCKET         = google_storage_bucket.blobs.name
  }
}

output "secrets" {
  description = "Secrets that infra/keys.py fills."
  value       = module.secrets.ids
}

output "queues" {
  value = { for key, queue in module.queue : key => queue.name }
}

output "egress_address" {
  description = "The address that vendors see, where static_egress is on."
  value       = one(module.egress[*].address)
}

output "balancer_address" {
  description = "Where the balancer's domain must point."
  value       = one(module.balancer[*].address)
}

output "console" {
  description = "Where the console is, and where its domain must point; null where there is none."
  value       = var.console == null ? null : { url = "https://${var.console.domain}", address = module.console[0].address, people = module.console[0].people }
}

output "after_deploy" {
  description = "Commands that finish a deployment; `make deploy` runs them. Empty unless domain_restricted_sharing is set."
  value = join("\n", [for name in sort(keys(local.webhooks)) : join(" ", [
    "gcloud run services update ${local.services[name]} --no-invoker-iam-check",
    "--project=${var.project_id} --region=${var.region} --quiet",
  ]) if var.domain_restricted_sharing])
}

output "dashboard" {
  value = module.monitoring.dashboard
}
