# One queue a vendor, one for planning, one for what the journal could not take.
variables {
  project_id   = "demo-svyazka"
  alert_emails = ["operator@example.org"]
}

override_data {
  target = data.google_project.this
  values = { number = "123456789012" }
}

run "every_vendor_has_its_queue" {
  command = plan
  assert {
    condition     = toset(keys(module.queue)) == setunion(keys(local.vendors), ["plan", "salvage"])
    error_message = "Expected a queue for each vendor, and plan and salvage; got ${join(", ", keys(module.queue))}."
  }
  assert {
    condition     = alltrue([for key, queue in module.queue : queue.name == "svyazka-${key}"])
    error_message = "The code enqueues to svyazka-<vendor>, svyazka-plan, svyazka-salvage (backends/google/tasks.py)."
  }
  assert {
    condition     = alltrue([for queue in module.queue : queue.attempts == -1])
    error_message = "The service deletes a task whose attempts are spent: they must be unlimited."
  }
  assert {
    condition     = alltrue([for vendor, v in local.vendors : module.queue[vendor].rate == (v.scope == "ip" ? v.per_second : min(500, v.per_second * var.accounts_per_vendor))])
    error_message = "A queue's rate is its connector's: once where the vendor counts by address, once an account else."
  }
  assert {
    condition = alltrue([for key, queue in module.queue :
      length(setintersection(queue.enqueuers, ["webhook", "webhook-signed"])) == (contains(["plan", "salvage"], key) ? 2 : 0)
    ])
    error_message = "Webhook functions enqueue to plan and salvage only."
  }
  assert {
    condition     = toset(keys(google_cloud_scheduler_job.tick)) == toset(["sweep", "poll", "retain"])
    error_message = "Expected the ticks sweep, poll and retain."
  }
}

# A vendor that never answers holds its queue's dispatches: that must never be the whole worker.
run "hanging_vendors_leave_room_for_planning_and_for_others" {
  command = plan
  variables {
    accounts_per_vendor = 1000
  }
  assert {
    condition     = local.worker_capacity == 100
    error_message = "Expected 5 instances of 20, got ${local.worker_capacity}: see that the shares below are still right."
  }
  assert {
    condition     = alltrue([for vendor in keys(local.vendors) : module.queue[vendor].concurrency <= 20])
    error_message = "One vendor's queue may take a fifth of the worker, got ${jsonencode({ for key, queue in module.queue : key => queue.concurrency })}."
  }
  assert {
    condition     = 3 * max([for vendor in keys(local.vendors) : module.queue[vendor].concurrency]...) + module.queue["plan"].concurrency + module.queue["salvage"].concurrency < local.worker_capacity
    error_message = "Three vendors that hang at once must leave room for planning, salvage and others."
  }
  assert {
    condition     = module.queue["plan"].concurrency == 25 && module.queue["salvage"].concurrency == 4
    error_message = "Planning keeps a quarter of the worker."
  }
}

run "a_small_worker_keeps_the_shares" {
  command = plan
  variables {
    accounts_per_vendor = 1000
    worker              = { concurrency = 10 }
    sizes               = { sync_worker = { max = 2 } }
  }
  assert {
    condition     = alltrue([for vendor in keys(local.vendors) : module.queue[vendor].concurrency <= 4])
    error_message = "Shares are of the worker as it is, not of the default one."
  }
  assert {
    condition     = module.queue["plan"].concurrency == 5 && module.queue["salvage"].concurrency == 1
    error_message = "A quarter of 20 is planning's."
  }
}

run "a_worker_too_small_to_share_is_refused" {
  command = plan
  variables {
    worker = { concurrency = 2, max = 4 }
  }
  expect_failures = [var.worker]
}
