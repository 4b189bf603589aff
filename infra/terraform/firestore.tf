module "firestore" {
  source = "./modules/firestore"

  project_id        = var.project_id
  location          = coalesce(var.database.location, var.region)
  delete_protection = var.delete_protection
  pitr              = var.database.pitr
  backup_days       = var.database.backup_days
  composite         = local.indexes.composite
  ttl               = toset(local.indexes.ttl)
  exempt            = local.indexes.exempt

  depends_on = [google_project_service.this]
}
