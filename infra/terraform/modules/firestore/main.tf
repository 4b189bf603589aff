# The project's default database: the one that has the free quota.
resource "google_firestore_database" "this" {
  project                           = var.project_id
  name                              = "(default)"
  location_id                       = var.location
  type                              = "FIRESTORE_NATIVE"
  concurrency_mode                  = "OPTIMISTIC"
  app_engine_integration_mode       = "DISABLED"
  point_in_time_recovery_enablement = var.pitr ? "POINT_IN_TIME_RECOVERY_ENABLED" : "POINT_IN_TIME_RECOVERY_DISABLED"
  delete_protection_state           = var.delete_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  # Without protection `destroy` takes the database away; the default would leave it and forget it.
  deletion_policy = "DELETE"
}

resource "google_firestore_backup_schedule" "daily" {
  project   = var.project_id
  database  = google_firestore_database.this.name
  retention = "${var.backup_days * 86400}s"
  daily_recurrence {}
}

resource "google_firestore_index" "this" {
  for_each    = var.composite
  project     = var.project_id
  database    = google_firestore_database.this.name
  collection  = each.value.collection
  query_scope = "COLLECTION"
  dynamic "fields" {
    for_each = each.value.fields
    content {
      field_path   = fields.value.field
      order        = fields.value.order == "CONTAINS" ? null : fields.value.order
      array_config = fields.value.order == "CONTAINS" ? "CONTAINS" : null
    }
  }
}

# What expires goes by itself; the field of a policy must not be indexed, its values only grow.
resource "google_firestore_field" "ttl" {
  for_each   = var.ttl
  project    = var.project_id
  database   = google_firestore_database.this.name
  collection = each.value
  field      = "expire_at"
  ttl_config {}
  index_config {}
}

locals {
  exempt = merge([for collection, fields in var.exempt : {
    for field in fields : "${collection}/${field}" => { collection = collection, field = field }
  }]...)
}

resource "google_firestore_field" "exempt" {
  for_each   = local.exempt
  project    = var.project_id
  database   = google_firestore_database.this.name
  collection = each.value.collection
  field      = each.value.field
  index_config {}
}
