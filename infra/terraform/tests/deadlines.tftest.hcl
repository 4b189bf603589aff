# The table of time limits: each lies well inside the next.
variables {
  project_id   = "demo-svyazka"
  alert_emails = ["operator@example.org"]
}

override_data {
  target = data.google_project.this
  values = { number = "123456789012" }
}

run "dispatch_deadline_function_limit_lease_call_limit" {
  command = plan
  assert {
    condition     = local.deadlines.call_limit + local.deadlines.send_margin < local.deadlines.lease
    error_message = "A call (${local.deadlines.call_limit} s and a margin of ${local.deadlines.send_margin} s) must end within the lease (${local.deadlines.lease} s)."
  }
  assert {
    condition     = local.deadlines.lease < module.function[local.worker].timeout
    error_message = "The platform must not end a worker's request (${module.function[local.worker].timeout} s) before its lease is over (${local.deadlines.lease} s)."
  }
  assert {
    condition     = module.function[local.worker].timeout < local.deadlines.dispatch_deadline
    error_message = "The queue must wait (${local.deadlines.dispatch_deadline} s) longer than the platform lets a request run (${module.function[local.worker].timeout} s)."
  }
  assert {
    condition     = alltrue([for job in google_cloud_scheduler_job.tick : tonumber(trimsuffix(job.attempt_deadline, "s")) > module.function[local.worker].timeout])
    error_message = "The scheduler must wait longer than the platform lets a request run."
  }
  assert {
    condition     = alltrue([for name in keys(local.webhooks) : module.function[name].timeout > local.deadlines.accept_limit])
    error_message = "A webhook function must live longer than it takes to say 503."
  }
  assert {
    condition     = local.deadlines.accept_limit < 2
    error_message = "Vendors want their answer within 2 s."
  }
}
