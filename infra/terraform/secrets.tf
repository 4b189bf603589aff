# Created empty: `make deploy` has infra/keys.py put the first version in, so that no key is ever in the state.
module "secrets" {
  source = "./modules/secrets"

  project_id = var.project_id
  region     = var.region
  prefix     = "svyazka"
  labels     = local.labels
  readers = {
    mint = merge(
      { for name in setunion(["webhook", "webhook-signed", "ingest", "worker"], local.with_console) : name => google_service_account.this[name].member },
      { for m in var.operators : m => m },
    )
    verify = merge(
      { webhook-signed = google_service_account.this["webhook-signed"].member },
      { for m in var.operators : m => m },
    )
    vault = merge(
      { worker = google_service_account.this["worker"].member },
      { for m in var.operators : m => m },
    )
  }
  writers = var.operators

  depends_on = [google_project_service.this]
}
