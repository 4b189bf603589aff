output "database" {
  value = google_firestore_database.this.name
}

output "protection" {
  value = {
    deletion = google_firestore_database.this.delete_protection_state
    pitr     = google_firestore_database.this.point_in_time_recovery_enablement
    backups  = google_firestore_backup_schedule.daily.retention
  }
}

output "indexes" {
  description = "Composite indexes as they are made: `collection:field order,field order`."
  value = { for name, index in google_firestore_index.this : name => "${index.collection}:${join(",", [
    for f in index.fields : "${f.field_path} ${coalesce(f.order, f.array_config, "-")}"
  ])}" }
}

output "exempt" {
  value = sort(keys(google_firestore_field.exempt))
}

output "ttl" {
  value = sort([for field in google_firestore_field.ttl : field.collection])
}
