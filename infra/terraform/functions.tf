# One function a folder in functions/.
locals {
  sizes = {
    webhook = var.webhook
    console = { memory = "512Mi", cpu = "1", concurrency = 16, timeout = 30, min = 0, max = 2 }
    worker  = merge(var.worker, { timeout = coalesce(var.worker.timeout, local.deadlines.function_limit) })
  }
  environment = {
    SVYAZKA_BACKEND           = "google"
    SVYAZKA_PROJECT           = var.project_id
    SVYAZKA_REGION            = var.region
    SVYAZKA_WORKER_URL        = local.worker_url
    SVYAZKA_WORKER_ACCOUNT    = google_service_account.this["queue"].email
    SVYAZKA_SCHEDULER_ACCOUNT = google_service_account.this["scheduler"].email
    SVYAZKA_KEYS_EPOCH        = tostring(var.keys_epoch)
  }
  environment_of = {
    webhook = {}
    console = var.console == null ? {} : {
      SVYAZKA_CONSOLE_HOST     = var.console.domain
      SVYAZKA_CONSOLE_AUDIENCE = "/projects/${data.google_project.this.number}/global/backendServices/${module.console[0].backend_id}"
      SVYAZKA_CONSOLE_OWNERS   = join(",", [for m in sort(var.console.owners) : trimprefix(m, "user:")])
    }
    ingest = { SVYAZKA_PROXIES = var.balancer == null ? "1" : "2" } # who adds to X-Forwarded-For before us
    worker = {
      SVYAZKA_INGEST_ACCOUNT = google_service_account.this["ingest"].email
      SVYAZKA_ALERTS         = var.operator_alerts
      SVYAZKA_PUBLIC_URL     = local.public_url
      SVYAZKA_BUCKET         = google_storage_bucket.blobs.name
      SVYAZKA_RATES          = local.worker_max > 1 ? "leased" : "alone" # no vendor may hear two instances at its full rate
    }
  }

  # Where vendors reach us: the function's name follows as the path.
  public_url = var.balancer == null ? "https://${var.region}-${var.project_id}.cloudfunctions.net" : "https://${var.balancer.domain}"

  # Which secrets a function holds: only functions of vendors that sign unseal inbound secrets, only the worker
  # the credentials.
  secrets_of = { for name, f in local.functions : name => (
    f.role == "worker" ? ["mint", "vault"] : f.signs ? ["mint", "verify"] : ["mint"]
  ) }
  account_of = { for name, f in local.functions : name => contains(["worker", "console"], f.role) ? f.role : f.asks ? "ingest" : f.signs ? "webhook-signed" : "webhook" }
}

module "function" {
  source   = "./modules/function"
  for_each = local.functions

  name            = each.key
  service_name    = local.services[each.key]
  description     = each.value.role == "worker" ? "Svyazka: plans and performs" : each.value.role == "console" ? "Svyazka: the console" : "Svyazka: the way in from ${each.value.vendor}"
  region          = var.region
  project_id      = var.project_id
  labels          = merge(local.labels, { role = each.value.role }, each.value.vendor == "" ? {} : { vendor = each.value.vendor })
  source_zip      = { bucket = google_storage_bucket.bundles.name, object = google_storage_bucket_object.bundle[each.key].name }
  build           = { service_account = google_service_account.this["build"].id, repository = google_artifact_registry_repository.functions.id }
  service_account = google_service_account.this[local.account_of[each.key]].email
  size            = merge(local.sizes[each.value.role], { for k, v in try(var.sizes[each.key], {}) : k => v if v != null })
  environment     = merge(local.environment, local.environment_of[each.value.asks ? "ingest" : each.value.role])
  secrets         = { for s in local.secrets_of[each.key] : "SVYAZKA_${upper(s)}_KEYS" => module.secrets.ids[s] }
  public          = each.value.role == "webhook"
  grant_public    = !var.domain_restricted_sharing
  balancer_only   = try(var.balancer.only, false)
  balanced        = each.value.role == "console"
  invokers = each.value.role == "console" ? { proxy = local.proxy } : each.value.role != "worker" ? {} : {
    queue     = google_service_account.this["queue"].member
    scheduler = google_service_account.this["scheduler"].member
    ingest    = google_service_account.this["ingest"].member
  }
  network = each.value.asks ? local.inside : each.value.role == "worker" && var.static_egress ? module.egress[0].network : null

  depends_on = [google_project_service.this, google_project_iam_member.build, google_artifact_registry_repository_iam_member.build, module.secrets, module.firestore]
}

# The console: behind the identity-aware proxy, whose own identity is the only one that may call the function. Google
# makes that identity when the proxy is first used in a project (`gcloud beta services identity create
# --service=iap.googleapis.com`, docs/operations.md).
locals {
  proxy = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-iap.iam.gserviceaccount.com"
}

module "console" {
  source = "./modules/console"
  count  = var.console == null ? 0 : 1

  project_id   = var.project_id
  region       = var.region
  domain       = var.console.domain
  service      = local.services[local.console]
  people       = setunion(var.console.owners, var.console.people)
  oauth_client = var.console_oauth_client

  depends_on = [google_project_service.this]
}
