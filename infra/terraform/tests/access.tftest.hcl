# Who may do what. Nothing is created: every run reads a plan.
variables {
  project_id   = "demo-svyazka"
  alert_emails = ["operator@example.org"]
}

override_data {
  target = data.google_project.this
  values = { number = "123456789012" }
}

run "nobody_calls_the_worker_but_the_queue_and_the_scheduler" {
  command = plan
  assert {
    condition = toset(module.function[local.worker].invokers) == toset([
      google_service_account.this["queue"].member, google_service_account.this["scheduler"].member,
    ])
    error_message = "Expected the queue's and the scheduler's identities, got ${join(", ", module.function[local.worker].invokers)}."
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
}
