# One service account a role, each with what it needs and nothing else. No basic role, no project-wide grant where a
# resource can bear it.
locals {
  with_console = var.console == null ? toset([]) : toset(["console"])
  accounts = merge({ for name in local.with_console : name => "The console: it reads the journal, puts requests down, holds no credentials" }, {
    webhook        = "Webhook functions of vendors that don't sign"
    webhook-signed = "Webhook functions of vendors that sign: they may unseal inbound secrets"
    ingest         = "The front door: it may ask the worker its two questions, and holds no credentials"
    worker         = "The worker"
    queue          = "Whose identity Cloud Tasks shows to the worker"
    scheduler      = "Whose identity Cloud Scheduler shows to the worker"
    build          = "Builds the functions' images"
  })
  enqueuing = setunion(["webhook", "webhook-signed", "ingest", "worker"], local.with_console)
}

resource "google_service_account" "this" {
  for_each     = local.accounts
  account_id   = "svyazka-${each.key}"
  display_name = "Svyazka ${each.key}"
  description  = each.value
  depends_on   = [google_project_service.this]
}

# The store

resource "google_project_iam_custom_role" "accept" {
  role_id     = "svyazkaAccept"
  title       = "Svyazka: accept events"
  description = "Read a document by its name and create one that isn't there: no change, no deletion, no query."
  permissions = ["datastore.databases.get", "datastore.entities.get", "datastore.entities.create"]
}

resource "google_project_iam_custom_role" "work" {
  role_id     = "svyazkaWork"
  title       = "Svyazka: work on the journal"
  description = "Documents, all ways; nothing of indexes, backups or settings."
  permissions = [
    "datastore.databases.get", "datastore.entities.get", "datastore.entities.list",
    "datastore.entities.create", "datastore.entities.update", "datastore.entities.delete",
  ]
}

resource "google_project_iam_member" "accept" {
  for_each = toset(["webhook", "webhook-signed", "ingest"])
  project  = var.project_id
  role     = "projects/${var.project_id}/roles/${google_project_iam_custom_role.accept.role_id}"
  member   = google_service_account.this[each.value].member
}

resource "google_project_iam_member" "work" {
  for_each = merge(
    { for name in setunion(["worker"], local.with_console) : name => google_service_account.this[name].member },
    { for m in var.operators : m => m },
  )
  project = var.project_id
  role    = "projects/${var.project_id}/roles/${google_project_iam_custom_role.work.role_id}"
  member  = each.value
}

# Looking: operators read log lines (which hold no payload), metrics, and how functions, queues and ticks stand.

resource "google_project_iam_member" "look" {
  for_each = { for pair in setproduct(var.operators, [
    "roles/logging.viewer", "roles/monitoring.viewer", "roles/run.viewer", "roles/cloudtasks.viewer", "roles/cloudscheduler.viewer",
  ]) : "${pair[0]} ${pair[1]}" => { member = pair[0], role = pair[1] } }
  project = var.project_id
  role    = each.value.role
  member  = each.value.member
}

# The queues: who enqueues where stands in queues.tf; a task bears the queue's identity, which takes actAs.

resource "google_service_account_iam_member" "act_as_queue" {
  for_each = merge(
    { for name in local.enqueuing : name => google_service_account.this[name].member },
    { for m in var.operators : m => m },
  )
  service_account_id = google_service_account.this["queue"].name
  role               = "roles/iam.serviceAccountUser"
  member             = each.value
}

# The build

# The platform copies a bundle into a bucket of its own before it builds, so that reading cannot be bound to ours.
resource "google_project_iam_member" "build" {
  for_each = toset(["roles/logging.logWriter", "roles/storage.objectViewer"])
  project  = var.project_id
  role     = each.value
  member   = google_service_account.this["build"].member
}

resource "google_artifact_registry_repository_iam_member" "build" {
  project    = var.project_id
  location   = google_artifact_registry_repository.functions.location
  repository = google_artifact_registry_repository.functions.name
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.this["build"].member
}
