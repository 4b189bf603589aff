# What is off unless asked for.
variables {
  project_id   = "demo-svyazka"
  alert_emails = ["operator@example.org"]
}

override_data {
  target = data.google_project.this
  values = { number = "123456789012" }
}

run "address_domain_and_budget" {
  command = plan
  variables {
    static_egress = true
    balancer      = { domain = "hooks.example.org" }
    budget        = { billing_account = "000000-000000-000000", amount = 20 }
    operators     = ["user:operator@example.org"]
    sizes         = { webhook_iiko = { min = 1 } }
  }
  assert {
    condition     = output.webhook_short_urls["webhook_iiko"] == "https://hooks.example.org/api/webhook/iiko"
    error_message = "The brief's addresses are the balancer's."
  }
  assert {
    condition     = module.function[local.worker].network != null && alltrue([for name in keys(local.webhooks) : module.function[name].network == null])
    error_message = "The worker's calls leave by the fixed address; the ways in make none."
  }
  assert {
    condition     = length(google_billing_budget.this) == 1 && length(module.balancer) == 1
    error_message = "Expected a budget and a balancer."
  }
  assert {
    condition     = contains(module.secrets.readers.vault, "user:operator@example.org")
    error_message = "An operator's command line needs the keys."
  }
}
