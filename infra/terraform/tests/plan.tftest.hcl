# What the plan must be: as it is by default, with all options, and what is refused before anything is made. Nothing is
# created, and each run plans once: assertions are gathered in few of them.
variables {
  project_id   = "demo-svyazka"
  alert_emails = ["operator@example.org"]
}

override_data {
  target = data.google_project.this
  values = { number = "123456789012" }
}

run "by_default" {
  command = plan

  # Functions: one a folder, each with what it needs

  assert {
    condition     = toset(keys(local.generated.functions)) == toset([for file in fileset("${path.root}/../../functions", "*/main.py") : dirname(file)])
    error_message = "functions/ and generated.json differ: run `python infra/generate.py`."
  }
  assert {
    condition     = alltrue([for name in keys(module.function) : module.function[name].name == name])
    error_message = "A function bears the name of its folder."
  }
  assert {
    condition     = toset(keys(output.webhook_urls)) == toset(keys(local.webhooks)) && length(local.webhooks) == length(local.functions) - 1
    error_message = "Every webhook function has its address among the outputs, the worker has none there."
  }
  assert {
    condition     = toset(module.monitoring.checked) == toset(keys(local.webhooks))
    error_message = "Every webhook function has an uptime check."
  }
  assert {
    condition     = alltrue([for name, f in local.functions : module.function[name].environment["THREADS"] == tostring(local.sizes[f.role].concurrency) && module.function[name].environment["FUNCTION_USE_ASGI"] == "true"])
    error_message = "The server must be told to serve as many requests at once as the platform sends."
  }
  assert {
    condition     = alltrue([for f in values(local.webhooks) : contains(keys(local.vendors), f.vendor)])
    error_message = "A webhook function's vendor isn't among the vendors."
  }
  assert {
    condition     = length(module.egress) == 0 && length(module.balancer) == 0 && length(google_billing_budget.this) == 0 && length(module.console) == 0 && alltrue([for s in local.sizes : s.min == 0])
    error_message = "What costs while nobody calls must be asked for."
  }

  # Access: who may do what

  assert {
    condition = toset(module.function[local.worker].invokers) == toset([
      google_service_account.this["queue"].member, google_service_account.this["scheduler"].member,
      google_service_account.this["ingest"].member,
    ])
    error_message = "Expected the queue's, the scheduler's and the front door's identities, got ${join(", ", module.function[local.worker].invokers)}."
  }
  assert {
    condition     = module.function[local.worker].ingress == "ALLOW_INTERNAL_ONLY"
    error_message = "The worker must not be reachable from the internet at all."
  }
  assert {
    condition     = alltrue([for name, f in local.functions : contains(module.function[name].invokers, "allUsers") == (f.role == "webhook")])
    error_message = "Webhook functions are public, and nothing else is."
  }
  assert {
    condition     = google_cloud_scheduler_job.tick["sweep"].http_target[0].oidc_token[0].audience == module.function[local.worker].environment["SVYAZKA_WORKER_URL"]
    error_message = "The ticks must show a token for the very audience that the worker demands."
  }

  assert {
    condition     = !contains(keys(module.function), "console") && output.console == null
    error_message = "There is no console unless somebody says for whom."
  }

  # Roles
  assert {
    condition = length(setintersection(
      toset(concat(values(google_project_iam_member.build)[*].role, values(google_project_iam_member.accept)[*].role, values(google_project_iam_member.work)[*].role, values(google_service_account_iam_member.act_as_queue)[*].role, [google_artifact_registry_repository_iam_member.build.role], module.secrets.roles)),
      ["roles/owner", "roles/editor", "roles/viewer", "roles/datastore.owner", "roles/datastore.user", "roles/secretmanager.admin", "roles/cloudtasks.admin", "roles/run.admin"],
    )) == 0
    error_message = "Basic and administrators' roles are given to nobody."
  }
  assert {
    condition     = alltrue([for p in concat(tolist(google_project_iam_custom_role.accept.permissions), tolist(google_project_iam_custom_role.work.permissions)) : can(regex("^datastore\\.(databases\\.get|entities\\.[a-z]+)$", p))])
    error_message = "Our own roles hold permissions on documents only, none with a wildcard."
  }
  assert {
    condition     = length(setintersection(google_project_iam_custom_role.accept.permissions, ["datastore.entities.update", "datastore.entities.delete", "datastore.entities.list"])) == 0
    error_message = "A webhook function reads by name and creates: it neither changes, deletes nor searches."
  }

  # Keys
  assert {
    condition     = module.secrets.readers.vault == tolist(["worker"]) && module.secrets.readers.verify == tolist(["webhook-signed"])
    error_message = "Only the worker reads the vault key, only functions of vendors that sign the verify key."
  }
  assert {
    condition     = alltrue([for name, f in local.functions : contains(module.function[name].secrets, "SVYAZKA_VAULT_KEYS") == (f.role == "worker")])
    error_message = "The vault key is handed to the worker alone."
  }
  assert {
    condition     = alltrue([for name, f in local.functions : contains(module.function[name].secrets, "SVYAZKA_VERIFY_KEYS") == f.signs])
    error_message = "The verify key is handed to functions of vendors that sign, and to no other."
  }
  assert {
    condition     = alltrue([for name in keys(local.functions) : !anytrue([for key in keys(module.function[name].environment) : endswith(key, "_KEYS")])])
    error_message = "A key stands in a plain environment variable: it would lie in the state."
  }

  # Deadlines: each limit lies well inside the next

  assert {
    condition     = alltrue([for class in values(local.deadlines.classes) : class.call + local.deadlines.send_margin < class.lease && class.lease <= local.deadlines.longest_lease])
    error_message = "A call of each class, with a margin of ${local.deadlines.send_margin} s, must end within its lease: ${jsonencode(local.deadlines.classes)}."
  }
  assert {
    condition     = local.deadlines.longest_lease < module.function[local.worker].timeout
    error_message = "The platform must not end a worker's request (${module.function[local.worker].timeout} s) before its lease is over (${local.deadlines.longest_lease} s)."
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

  # Queues: one a vendor, one for planning, one for what the journal could not take

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
      length(setintersection(queue.enqueuers, ["webhook", "webhook-signed", "ingest"])) == (contains(["plan", "salvage"], key) ? 3 : 0)
    ])
    error_message = "Webhook functions enqueue to plan and salvage only."
  }
  assert {
    condition     = toset([for job in google_cloud_scheduler_job.tick : trimprefix(job.http_target[0].uri, module.function[local.worker].environment["SVYAZKA_WORKER_URL"])]) == toset(["/sweep", "/poll", "/retain"])
    error_message = "Expected ticks at /sweep, /poll and /retain."
  }

  # Database: every query has its index, what expires goes, what is lost can be had back

  assert {
    condition     = alltrue([for query, by in local.indexes.queries : !startswith(by, "composite:") || contains(keys(module.firestore.indexes), trimprefix(by, "composite:"))])
    error_message = "A query has no composite index: ${join(", ", [for query, by in local.indexes.queries : query if startswith(by, "composite:") && !contains(keys(module.firestore.indexes), trimprefix(by, "composite:"))])}."
  }
  assert {
    condition     = alltrue([for name, index in local.indexes.composite : module.firestore.indexes[name] == "${index.collection}:${join(",", [for f in index.fields : "${f.field} ${f.order}"])}"])
    error_message = "An index isn't what its query needs."
  }
  assert {
    condition     = toset(flatten(values(local.indexes.composite)[*].queries)) == toset([for query, by in local.indexes.queries : query if startswith(by, "composite:")])
    error_message = "Every composite index serves a query, and no index is there for nothing."
  }
  assert {
    condition = length(setintersection(
      flatten([for kind, fields in local.indexes.single : [for field in fields : "${kind}/${field}"]]),
      module.firestore.exempt,
    )) == 0
    error_message = "A field that a query needs is exempted from indexing."
  }
  assert {
    condition     = toset(module.firestore.ttl) == toset(local.indexes.ttl)
    error_message = "Every kind that expires has a time-to-live policy."
  }
  assert {
    condition     = module.firestore.protection.deletion == "DELETE_PROTECTION_ENABLED" && module.firestore.protection.pitr == "POINT_IN_TIME_RECOVERY_ENABLED"
    error_message = "The database refuses deletion and can be read as it was."
  }
  assert {
    condition     = module.firestore.protection.backups == "${14 * 86400}s"
    error_message = "Daily backups are kept for 14 days unless told otherwise."
  }

  # Blobs: nobody's but the worker's, and gone when their life is over

  assert {
    condition     = google_storage_bucket.blobs.public_access_prevention == "enforced" && google_storage_bucket.blobs.uniform_bucket_level_access
    error_message = "No blob may ever be opened to the public."
  }
  assert {
    condition     = alltrue([for m in values(google_storage_bucket_iam_member.blobs) : m.role == "roles/storage.objectUser"]) && toset(keys(google_storage_bucket_iam_member.blobs)) == setunion(["worker"], var.operators)
    error_message = "The worker and operators read and write blobs, and nobody else does."
  }
  assert {
    condition     = !google_storage_bucket.blobs.versioning[0].enabled && google_storage_bucket.blobs.soft_delete_policy[0].retention_duration_seconds == 0
    error_message = "What is forgotten must be gone: no older version, no bin."
  }
  assert {
    condition = {
      for rule in google_storage_bucket.blobs.lifecycle_rule : trimsuffix(one(one(rule.condition).matches_prefix), "/") => one(rule.condition).age - 1
      if one(rule.action).type == "Delete"
    } == local.generated.blob_lives
    error_message = "Each purpose has its life, and none goes without: ${jsonencode(local.generated.blob_lives)}."
  }
  assert {
    condition     = module.function[local.worker].environment["SVYAZKA_BUCKET"] == google_storage_bucket.blobs.name
    error_message = "The worker must be told which bucket is its own."
  }

  # Monitoring: somebody is told, and told what to do

  assert {
    condition     = alltrue([for alert in module.monitoring.alerts : alert.channels >= 1])
    error_message = "An alert tells nobody: ${join(", ", [for name, alert in module.monitoring.alerts : name if alert.channels < 1])}."
  }
  assert {
    condition     = alltrue([for alert in module.monitoring.alerts : alert.runbook == null])
    error_message = "An alert links somebody else's runbook."
  }
  assert {
    condition     = alltrue([for alert in module.monitoring.alerts : alert.conditions >= 1 && alert.enabled != false])
    error_message = "An alert never fires."
  }
  assert {
    condition = length(setsubtract([
      "connection-down", "deliveries-lost", "webhook-5xx", "webhook-slow", "sweep-silent", "queue-late", "function-unreachable",
    ], keys(module.monitoring.alerts))) == 0
    error_message = "An alert that operations rely on is gone."
  }
  assert {
    condition = alltrue([for name in keys(local.webhooks) :
      strcontains(google_logging_project_exclusion.webhook_requests.filter, "\"${local.services[name]}\"")
    ]) && strcontains(google_logging_project_exclusion.webhook_requests.filter, "run.googleapis.com/requests")
    error_message = "Request logs of a webhook function would hold ?key=..."
  }
}

run "with_all_that_is_off_unless_asked_for" {
  command = plan
  variables {
    accounts_per_vendor = 1000
    static_egress       = true
    balancer            = { domain = "hooks.example.org", only = true }
    runbook_url         = "https://wiki.example.org/svyazka"
    budget              = { billing_account = "000000-000000-000000", amount = 20 }
    operators           = ["user:operator@example.org"]
    sizes               = { webhook_iiko = { min = 1 } }
    console             = { domain = "console.example.org", owners = ["user:owner@example.org"], people = ["group:staff@example.org"] }
  }

  # The console: nobody gets in but through the proxy, and through that only who is named

  assert {
    condition     = toset(module.function["console"].invokers) == toset(["serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com"])
    error_message = "The proxy's identity alone may call the console, got ${join(", ", module.function["console"].invokers)}."
  }
  assert {
    condition     = module.function["console"].ingress == "ALLOW_INTERNAL_AND_GCLB" && module.console[0].asks_the_proxy
    error_message = "The console must be reached through its balancer only, and that must ask the proxy."
  }
  assert {
    condition     = toset(module.console[0].people) == toset(["group:staff@example.org", "user:owner@example.org"]) && toset(module.console[0].roles) == toset(["roles/iap.httpsResourceAccessor"])
    error_message = "The proxy lets in whom the variable names, and nobody else."
  }
  assert {
    condition     = toset(module.function["console"].secrets) == toset(["SVYAZKA_MINT_KEYS"]) && module.function["console"].environment["SVYAZKA_CONSOLE_OWNERS"] == "owner@example.org"
    error_message = "The console has no vault, and knows its owners."
  }
  assert {
    condition     = alltrue([for key, queue in module.queue : contains(queue.enqueuers, "console") == (key == "plan")])
    error_message = "The console enqueues to plan only: requests for the worker."
  }

  assert {
    condition     = output.webhook_short_urls["webhook_iiko"] == "https://hooks.example.org/api/webhook/iiko"
    error_message = "The brief's addresses are the balancer's."
  }
  assert {
    condition     = module.function[local.worker].network != null && alltrue([for name, f in local.webhooks : (module.function[name].network == null) != f.asks])
    error_message = "The worker's calls leave by the fixed address; of the ways in only the front door calls anybody, the worker."
  }
  assert {
    condition     = alltrue([for name, f in local.functions : module.function[name].ingress == (f.role == "worker" ? "ALLOW_INTERNAL_ONLY" : "ALLOW_INTERNAL_AND_GCLB")])
    error_message = "With `only` nobody comes past the balancer."
  }
  assert {
    condition     = alltrue([for name, alert in module.monitoring.alerts : alert.runbook == "${var.runbook_url}#${name}"])
    error_message = "An alert doesn't link its paragraph of the runbook."
  }
  assert {
    condition     = length(google_billing_budget.this) == 1 && length(module.balancer) == 1
    error_message = "Expected a budget and a balancer."
  }
  assert {
    condition     = contains(module.secrets.readers.vault, "user:operator@example.org")
    error_message = "An operator's command line needs the keys."
  }

  # A vendor that never answers holds its queue's dispatches: that must never be the whole worker.

  assert {
    condition     = local.worker_capacity == 80
    error_message = "Expected 1 instance of 80, got ${local.worker_capacity}: see that the shares below are still right."
  }
  assert {
    condition     = alltrue([for vendor in keys(local.vendors) : module.queue[vendor].concurrency <= 16])
    error_message = "One vendor's queue may take a fifth of the worker, got ${jsonencode({ for key, queue in module.queue : key => queue.concurrency })}."
  }
  assert {
    condition     = 3 * max([for vendor in keys(local.vendors) : module.queue[vendor].concurrency]...) + module.queue["plan"].concurrency + module.queue["salvage"].concurrency < local.worker_capacity
    error_message = "Three vendors that hang at once must leave room for planning, salvage and others."
  }
  assert {
    condition     = module.queue["plan"].concurrency == 20 && module.queue["salvage"].concurrency == 4
    error_message = "Planning keeps a quarter of the worker."
  }

  # Two instances at a vendor's full rate would be twice its rate: there is one, or they share.

  assert {
    condition     = local.worker_max == 1 && module.function[local.worker].environment["SVYAZKA_RATES"] == "alone"
    error_message = "Expected one instance of the worker, which needs no leases."
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
  assert {
    condition     = module.function[local.worker].environment["SVYAZKA_RATES"] == "leased"
    error_message = "Two instances must share vendors' rates."
  }
}

# What can't work or shouldn't be.
run "wrong_values_are_refused_by_name" {
  command = plan
  variables {
    project_id          = "My Project"
    region              = "europe"
    operators           = ["allAuthenticatedUsers"]
    alert_emails        = []
    runbook_url         = "http://example.org/#there"
    webhook             = { cpu = "0.583" } # one request at a time, then
    worker              = { timeout = 240 } # outlives the queue's patience
    sizes               = { webhook_of_nobody = { min = 1 } }
    database            = { backup_days = 99 }
    accounts_per_vendor = 0
    console             = { domain = "console", owners = ["group:everybody@example.org"], people = ["allUsers"] }
  }
  expect_failures = [
    var.project_id, var.region, var.operators, var.alert_emails, var.runbook_url, var.webhook, var.worker, var.sizes,
    var.database, var.accounts_per_vendor, var.console,
  ]
}

run "a_worker_that_ends_before_its_lease_is_refused" {
  command = plan
  variables {
    worker = { timeout = 110 }
  }
  expect_failures = [var.worker]
}

run "a_worker_too_small_to_share_is_refused" {
  command = plan
  variables {
    worker = { concurrency = 2, max = 4 }
  }
  expect_failures = [var.worker]
}
