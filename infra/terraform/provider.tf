provider "google" {
  project        = var.project_id
  region         = var.region
  default_labels = local.labels
}

# The budgets' API wants to know whose quota a person's call counts against.
provider "google" {
  alias                 = "billing"
  project               = var.project_id
  billing_project       = var.project_id
  user_project_override = true
}

data "google_project" "this" {
  project_id = var.project_id
}
