# The zips are built outside, reproducibly (`make bundle`). The hash stands in the object's name: other bytes are
# another object, and so another revision; the same bytes deploy nothing.
locals {
  zips = { for name in keys(local.functions) : name => "${startswith(var.bundles, "/") ? "" : "${path.module}/"}${var.bundles}/${name}.zip" }
}

resource "google_storage_bucket" "bundles" {
  name                        = "${var.project_id}-svyazka-bundles"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true
  lifecycle_rule {
    condition {
      age        = 90
      with_state = "ARCHIVED"
    }
    action {
      type = "Delete"
    }
  }
  versioning {
    enabled = true
  }
  depends_on = [google_project_service.this]
}

resource "google_storage_bucket_object" "bundle" {
  for_each = local.zips
  # Without a zip there is a plan to read and nothing to upload: apply stops at the missing file.
  name   = "${each.key}-${try(substr(filesha256(each.value), 0, 20), "not-built")}.zip"
  bucket = google_storage_bucket.bundles.name
  source = each.value
  lifecycle {
    create_before_destroy = true
  }
}

resource "google_artifact_registry_repository" "functions" {
  repository_id = "svyazka"
  location      = var.region
  format        = "DOCKER"
  description   = "Images that the platform builds of the bundles"
  cleanup_policies {
    id     = "keep-newest"
    action = "KEEP"
    most_recent_versions {
      keep_count = 5
    }
  }
  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "2592000s"
    }
  }
  depends_on = [google_project_service.this]
}
