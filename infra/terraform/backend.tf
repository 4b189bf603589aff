# The state lives in a bucket of its own, named at `terraform init` (docs/operations.md, "First deploy"):
#   terraform init -backend-config="bucket=PROJECT-svyazka-state"
terraform {
  backend "gcs" {
    prefix = "svyazka"
  }
}
