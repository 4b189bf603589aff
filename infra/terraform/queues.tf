# `plan` and `salvage` take what comes in; one queue a vendor, so that one vendor's trouble is its own.
locals {
  # A vendor that counts by our address gets its rate once; one that counts by account, once an account. The worker
  # paces single accounts; a queue only bounds what is out at once.
  vendor_queues = { for vendor, v in local.vendors : vendor => {
    per_second  = v.scope == "ip" ? v.per_second : min(500, v.per_second * var.accounts_per_vendor)
    concurrency = max(1, v.scope == "ip" ? v.concurrency : min(local.worker_capacity, v.concurrency * var.accounts_per_vendor))
    webhooks    = false
  } }
  worker_capacity = local.sizes.worker.concurrency * local.sizes.worker.max
  queues = merge(local.vendor_queues, {
    plan    = { per_second = 200, concurrency = max(1, floor(local.worker_capacity / 2)), webhooks = true }
    salvage = { per_second = 20, concurrency = 4, webhooks = true }
  })
  task_writers = {
    webhook        = google_service_account.this["webhook"].member
    webhook-signed = google_service_account.this["webhook-signed"].member
  }
  worker_writers = merge({ worker = google_service_account.this["worker"].member }, { for m in var.operators : m => m })
}

module "queue" {
  source   = "./modules/queue"
  for_each = local.queues

  name        = "svyazka-${each.key}"
  project_id  = var.project_id
  region      = var.region
  per_second  = each.value.per_second
  concurrency = each.value.concurrency
  enqueuers   = merge(local.worker_writers, each.value.webhooks ? local.task_writers : {})

  depends_on = [google_project_service.this]
}
