# The journal: every query of the code has its index, what expires goes, what is lost can be had back.
variables {
  project_id   = "demo-svyazka"
  alert_emails = ["operator@example.org"]
}

override_data {
  target = data.google_project.this
  values = { number = "123456789012" }
}

run "every_query_has_its_index_and_nothing_is_lost_by_mistake" {
  command = plan
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
}
