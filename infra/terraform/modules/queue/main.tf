variable "name" {
  type = string
}

variable "project_id" {
  type = string
}

variable "region" {
  type = string
}

variable "per_second" {
  description = "Dispatches a second; the service's ceiling is 500."
  type        = number
  validation {
    condition     = var.per_second > 0 && var.per_second <= 500
    error_message = "Expected above 0 and at most 500 a second, got ${var.per_second}."
  }
}

variable "concurrency" {
  description = "Dispatches at once; the service's ceiling is 5 000."
  type        = number
  validation {
    condition     = var.concurrency >= 1 && var.concurrency <= 5000
    error_message = "Expected 1 to 5000 at once, got ${var.concurrency}."
  }
}

variable "enqueuers" {
  description = "Who may put tasks in, by a name that is known before the identity is."
  type        = map(string)
}

variable "log_sampling" {
  description = "Share of operations that are logged; metrics say enough, and every line costs."
  type        = number
  default     = 0
}

# A dispatch that fails could not be recorded (503): it is repeated for as long as the journal stays away. Retries of
# deliveries are new tasks with times of our own.
resource "google_cloud_tasks_queue" "this" {
  name     = var.name
  location = var.region
  project  = var.project_id
  rate_limits {
    max_dispatches_per_second = var.per_second
    max_concurrent_dispatches = var.concurrency
  }
  retry_config {
    max_attempts       = -1
    max_retry_duration = "0s"
    min_backoff        = "5s"
    max_backoff        = "300s"
    max_doublings      = 6
  }
  stackdriver_logging_config {
    sampling_ratio = var.log_sampling
  }
}

resource "google_cloud_tasks_queue_iam_member" "enqueuer" {
  for_each = var.enqueuers
  project  = var.project_id
  location = google_cloud_tasks_queue.this.location
  name     = google_cloud_tasks_queue.this.name
  role     = "roles/cloudtasks.enqueuer"
  member   = each.value
}

output "name" {
  value = google_cloud_tasks_queue.this.name
}

output "attempts" {
  value = google_cloud_tasks_queue.this.retry_config[0].max_attempts
}

output "rate" {
  value = google_cloud_tasks_queue.this.rate_limits[0].max_dispatches_per_second
}

output "enqueuers" {
  value = sort(keys(google_cloud_tasks_queue_iam_member.enqueuer))
}

output "concurrency" {
  value = google_cloud_tasks_queue.this.rate_limits[0].max_concurrent_dispatches
}
