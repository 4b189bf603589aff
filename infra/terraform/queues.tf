# `plan` and `salvage` take what comes in; one queue a vendor, so that one vendor's trouble is its own.
locals {
  # A vendor that counts by our address gets its rate once; one that counts by account, once an account. The worker
  # paces single accounts; a queue only bounds what is out at once.
  #
  # A vendor that accepts calls and never answers holds every dispatch of its queue until the call's limit. So one
  # queue gets a fifth of the worker at most: with three vendors hanging at once, planning and the other vendors
  # still have room. Planning gets a quarter, for what comes in must never wait behind what goes out.
  worker_max      = coalesce(try(var.sizes[local.worker].max, null), local.sizes.worker.max)
  worker_capacity = local.worker_max * coalesce(try(var.sizes[local.worker].concurrency, null), local.sizes.worker.concurrency)
  vendor_share    = max(1, floor(local.worker_capacity / 5))
  plan_share      = max(1, floor(local.worker_capacity / 4))
  vendor_queues = { for vendor, v in local.vendors : vendor => {
    per_second  = v.scope == "ip" ? v.per_second : min(500, v.per_second * var.accounts_per_vendor)
    concurrency = max(1, min(local.vendor_share, v.scope == "ip" ? v.concurrency : v.concurrency * var.accounts_per_vendor))
    webhooks    = false
  } }
  own_queues = {
    plan    = { per_second = 200, concurrency = local.plan_share, webhooks = true }
    salvage = { per_second = 20, concurrency = max(1, min(4, floor(local.worker_capacity / 20))), webhooks = true }
  }
  # What the worker knows of is in generated.json: one without its rates here fails the plan.
  queues = merge(local.vendor_queues, { for name in local.generated.queues : name => local.own_queues[name] })
  task_writers = {
    webhook        = google_service_account.this["webhook"].member
    webhook-signed = google_service_account.this["webhook-signed"].member
    ingest         = google_service_account.this["ingest"].member
  }
  console_writer = { for name in local.with_console : name => google_service_account.this[name].member }
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
  enqueuers   = merge(local.worker_writers, each.value.webhooks ? local.task_writers : {}, each.key == "plan" ? local.console_writer : {})

  depends_on = [google_project_service.this]
}
