resource "google_project_service" "this" {
  for_each = toset(concat([
    "artifactregistry.googleapis.com",
    "cloudbuild.googleapis.com",
    "cloudfunctions.googleapis.com",
    "cloudscheduler.googleapis.com",
    "cloudtasks.googleapis.com",
    "firestore.googleapis.com",
    "iam.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "storage.googleapis.com",
    ],
    ["compute.googleapis.com"],
    var.console == null ? [] : ["iap.googleapis.com"],
    var.budget == null ? [] : ["billingbudgets.googleapis.com"],
  ))
  service = each.value
  # Other things in the project may use them: destroying Svyazka doesn't switch them off.
  disable_on_destroy = false
}
