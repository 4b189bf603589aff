variable "project_id" {
  type = string
}

variable "region" {
  description = "Where the keys lie: one place, one price."
  type        = string
}

variable "prefix" {
  type = string
}

variable "labels" {
  type    = map(string)
  default = {}
}

variable "readers" {
  description = "Secret -> who may read it, by a name that is known before the identity is."
  type        = map(map(string))
}

variable "writers" {
  description = "Who may add versions (rotation)."
  type        = set(string)
  default     = []
}

locals {
  grants = merge([for secret, members in var.readers : {
    for name, member in members : "${secret}/${name}" => { secret = secret, member = member }
  }]...)
}

resource "google_secret_manager_secret" "this" {
  for_each  = var.readers
  secret_id = "${var.prefix}-${each.key}"
  labels    = var.labels
  # A version destroyed by mistake can be had back for a day; without the vault key nothing can be unsealed.
  version_destroy_ttl = "86400s"
  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }
}

resource "google_secret_manager_secret_iam_member" "reader" {
  for_each  = local.grants
  project   = var.project_id
  secret_id = google_secret_manager_secret.this[each.value.secret].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = each.value.member
}

resource "google_secret_manager_secret_iam_member" "writer" {
  for_each  = { for pair in setproduct(keys(var.readers), var.writers) : "${pair[0]}/${pair[1]}" => pair }
  project   = var.project_id
  secret_id = google_secret_manager_secret.this[each.value[0]].secret_id
  role      = "roles/secretmanager.secretVersionManager"
  member    = each.value[1]
}

output "ids" {
  description = "Secret -> its id, once everybody who needs it may read it."
  value       = { for name, secret in google_secret_manager_secret.this : name => secret.secret_id }
  depends_on  = [google_secret_manager_secret_iam_member.reader]
}

output "readers" {
  description = "Secret -> names of who may read it."
  value = { for name in keys(var.readers) : name => sort([
    for key, grant in google_secret_manager_secret_iam_member.reader : trimprefix(key, "${name}/") if startswith(key, "${name}/")
  ]) }
}

output "roles" {
  value = concat(
    [for grant in google_secret_manager_secret_iam_member.reader : grant.role],
    [for grant in google_secret_manager_secret_iam_member.writer : grant.role],
  )
}
