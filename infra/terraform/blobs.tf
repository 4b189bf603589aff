# Bytes too large for a document, or with a life of their own: rows of files, proposals, reports. All of them are sealed
# by the worker; nobody else reads the bucket.
resource "google_storage_bucket" "blobs" {
  name                        = "${var.project_id}-svyazka-blobs"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  labels                      = local.labels
  force_destroy               = !var.delete_protection

  # What is forgotten must be gone: no older versions, no bin.
  versioning {
    enabled = false
  }
  soft_delete_policy {
    retention_duration_seconds = 0
  }

  # The worker removes what is past its life (upkeep/retention.py); a day later the bucket does, whatever was left over.
  dynamic "lifecycle_rule" {
    for_each = local.generated.blob_lives
    content {
      condition {
        age            = lifecycle_rule.value + 1
        matches_prefix = ["${lifecycle_rule.key}/"]
      }
      action {
        type = "Delete"
      }
    }
  }
  lifecycle_rule {
    condition {
      age = 7
    }
    action {
      type = "AbortIncompleteMultipartUpload"
    }
  }
  depends_on = [google_project_service.this]
}

resource "google_storage_bucket_iam_member" "blobs" {
  for_each = merge({ worker = google_service_account.this["worker"].member }, { for m in var.operators : m => m })
  bucket   = google_storage_bucket.blobs.name
  role     = "roles/storage.objectUser"
  member   = each.value
}
