# One function a folder, each with what it needs.
variables {
  project_id   = "demo-svyazka"
  alert_emails = ["operator@example.org"]
}

override_data {
  target = data.google_project.this
  values = { number = "123456789012" }
}

run "every_folder_is_a_function" {
  command = plan
  assert {
    condition     = toset(keys(module.function)) == toset([for file in fileset("${path.root}/../../functions", "*/main.py") : dirname(file)])
    error_message = "functions/ and generated.json differ: run `python infra/generate.py`."
  }
  assert {
    condition     = alltrue([for name in keys(module.function) : module.function[name].name == name])
    error_message = "A function bears the name of its folder."
  }
  assert {
    condition     = toset(keys(output.webhook_urls)) == toset(keys(local.webhooks)) && length(local.webhooks) == length(local.functions) - 1
    error_message = "Every webhook function has its address among the outputs, the worker has none there."
  }
  assert {
    condition     = toset(module.monitoring.checked) == toset(keys(local.webhooks))
    error_message = "Every webhook function has an uptime check."
  }
  assert {
    condition     = alltrue([for name, f in local.functions : module.function[name].environment["THREADS"] == tostring(local.sizes[f.role].concurrency) && module.function[name].environment["FUNCTION_USE_ASGI"] == "true"])
    error_message = "The server must be told to serve as many requests at once as the platform sends."
  }
  assert {
    condition     = alltrue([for f in values(local.webhooks) : contains(keys(local.vendors), f.vendor)])
    error_message = "A webhook function's vendor isn't among the vendors."
  }
  assert {
    condition     = length(module.egress) == 0 && length(module.balancer) == 0 && length(google_billing_budget.this) == 0 && alltrue([for s in local.sizes : s.min == 0])
    error_message = "What costs while nobody calls must be asked for."
  }
}
