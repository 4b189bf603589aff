# Start-up CPU boost is on for every gen2 function and has no argument of its own.
resource "google_cloudfunctions2_function" "this" {
  name        = var.name
  location    = var.region
  project     = var.project_id
  description = var.description
  labels      = var.labels

  build_config {
    runtime           = var.runtime
    entry_point       = var.name
    service_account   = var.build.service_account
    docker_repository = var.build.repository
    # Patches of the system and of Python's last digit come without a deployment; the bytecode stays good for them.
    automatic_update_policy {}
    source {
      storage_source {
        bucket = var.source_zip.bucket
        object = var.source_zip.object
      }
    }
  }

  service_config {
    available_memory                 = var.size.memory
    available_cpu                    = var.size.cpu
    timeout_seconds                  = var.size.timeout
    min_instance_count               = var.size.min
    max_instance_count               = var.size.max
    max_instance_request_concurrency = var.size.concurrency
    # The queue and the scheduler of the same project count as internal.
    ingress_settings               = var.balanced ? "ALLOW_INTERNAL_AND_GCLB" : !var.public ? "ALLOW_INTERNAL_ONLY" : var.balancer_only ? "ALLOW_INTERNAL_AND_GCLB" : "ALLOW_ALL"
    all_traffic_on_latest_revision = true
    service_account_email          = var.service_account
    environment_variables          = merge(local.server, var.environment)

    direct_vpc_egress = var.network == null ? null : "VPC_EGRESS_ALL_TRAFFIC"
    dynamic "direct_vpc_network_interface" {
      for_each = var.network == null ? [] : [var.network]
      content {
        network    = direct_vpc_network_interface.value.network
        subnetwork = direct_vpc_network_interface.value.subnetwork
      }
    }
    dynamic "secret_environment_variables" {
      for_each = var.secrets
      content {
        key        = secret_environment_variables.key
        project_id = var.project_id
        secret     = secret_environment_variables.value
        version    = "latest"
      }
    }
  }

  lifecycle {
    postcondition {
      condition     = basename(self.service_config[0].service) == var.service_name
      error_message = "Cloud Run calls the service ${basename(self.service_config[0].service)}, ${var.service_name} was expected: local.services has the rule."
    }
  }
}

locals {
  # One event loop an instance takes all its requests; THREADS is what the server would use without ASGI.
  server = {
    FUNCTION_USE_ASGI = "true"
    WORKERS           = "1"
    THREADS           = tostring(var.size.concurrency)
    PYTHONUNBUFFERED  = "1"
  }
}

resource "google_cloud_run_service_iam_member" "public" {
  count    = var.public && var.grant_public ? 1 : 0
  project  = var.project_id
  location = var.region
  service  = basename(google_cloudfunctions2_function.this.service_config[0].service)
  role     = "roles/run.invoker"
  member   = "allUsers"
  # A function that is made anew has a service without the grants of the old one, and the state would not know.
  lifecycle {
    replace_triggered_by = [google_cloudfunctions2_function.this.id]
  }
}

resource "google_cloud_run_service_iam_member" "invoker" {
  for_each = var.invokers
  project  = var.project_id
  location = var.region
  service  = basename(google_cloudfunctions2_function.this.service_config[0].service)
  role     = "roles/run.invoker"
  member   = each.value
  lifecycle {
    replace_triggered_by = [google_cloudfunctions2_function.this.id]
  }
}
