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
