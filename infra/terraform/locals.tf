# generated.json and firestore-indexes.json are written by `python infra/generate.py` from the code, and a test
# holds them in step with it.
locals {
  generated = jsondecode(file("${path.module}/generated.json"))
  indexes   = jsondecode(file("${path.module}/firestore-indexes.json"))

  # The console is made only where somebody says for whom.
  functions = { for name, f in local.generated.functions : name => f if f.role != "console" || var.console != null }
  vendors   = local.generated.vendors
  deadlines = local.generated.deadlines
  webhooks  = { for name, f in local.functions : name => f if f.role == "webhook" }
  worker    = one([for name, f in local.functions : name if f.role == "worker"])
  console   = one([for name, f in local.generated.functions : name if f.role == "console"])

  labels = merge(var.labels, { app = "svyazka" })

  # Cloud Run names a function's service by the function, lower case, hyphens for underscores. Filters and the
  # worker's own address must be known before the service exists, so they are built from this rule; grants and
  # outputs use what the resource says, and the resource refuses to be anything else (modules/function).
  services = { for name in keys(local.generated.functions) : name => replace(lower(name), "_", "-") }

  # The address that tasks are sent to and that the worker demands as the audience of their identity.
  worker_url = "https://${local.services[local.worker]}-${data.google_project.this.number}.${var.region}.run.app"
}
