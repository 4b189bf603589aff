variable "database" {
  description = "The journal: where it lies (for ever), how it is protected. `location` null takes the region; eur3 doubles the price of every write."
  type = object({
    location    = optional(string)
    pitr        = optional(bool, true)
    backup_days = optional(number, 14)
  })
  default = {}
  validation {
    condition     = var.database.backup_days >= 1 && var.database.backup_days <= 98
    error_message = "Daily backups are kept 1 to 98 days (14 weeks)."
  }
}

variable "delete_protection" {
  description = "Whether the database refuses to be deleted. `make destroy` takes it off, and nothing else should."
  type        = bool
  default     = true
}

variable "alert_emails" {
  description = "Who is told by Cloud Monitoring. At least one: a product that nobody watches loses its promise."
  type        = set(string)
  validation {
    condition     = length(var.alert_emails) > 0 && alltrue([for a in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+$", a))])
    error_message = "Expected at least one e-mail address."
  }
}

variable "notification_channels" {
  description = "Channels that exist already (Telegram by webhook, PagerDuty, ...): projects/P/notificationChannels/N."
  type        = set(string)
  default     = []
}

variable "alerts_off" {
  description = "Alerts that aren't wanted, by name: each condition of a policy is billed (docs/operations.md, \"Cost\")."
  type        = set(string)
  default     = []
}

variable "runbook_url" {
  description = "Where your copy of docs/operations.md can be read: alerts, which hold their paragraph of it anyway, link it too. null for nowhere."
  type        = string
  default     = null
  validation {
    condition     = var.runbook_url == null ? true : startswith(var.runbook_url, "https://") && !strcontains(var.runbook_url, "#")
    error_message = "Expected an https address without a fragment."
  }
}

variable "log_retention_days" {
  description = "How long log lines are kept. The first 30 days are free; lines hold ids, never payloads."
  type        = number
  default     = 30
  validation {
    condition     = var.log_retention_days >= 1 && var.log_retention_days <= 3650
    error_message = "Expected 1 to 3650 days."
  }
}

variable "uptime_period" {
  description = "Seconds between two uptime checks of a function, from three places each; every check is a billed request."
  type        = number
  default     = 900
  validation {
    condition     = contains([60, 300, 600, 900], var.uptime_period)
    error_message = "Expected 60, 300, 600 or 900."
  }
}

variable "budget" {
  description = "A monthly budget that warns at 50, 90 and 100 %; null for none (needs the right on the billing account)."
  type = object({
    billing_account = string
    amount          = number
    currency        = optional(string, "USD")
  })
  default = null
}

variable "static_egress" {
  description = "One fixed address for calls to vendors that allow or limit by IP (YCLIENTS among them): about 35 USD a month for NAT and address."
  type        = bool
  default     = false
}

variable "balancer" {
  description = <<-EOT
    A load balancer with a domain of your own and the paths /api/webhook/<vendor>, /webhook/<vendor>,
    /webhook_<vendor>: about 20 USD a month. null for none.
    only:  functions let nobody in but through it. Where vendors call the functions' own addresses already, give them
           the new ones first (`svyazka urls`), for the old ones then answer 404.
  EOT
  type = object({
    domain = string
    only   = optional(bool, false)
  })
  default = null
}

variable "console" {
  description = <<-EOT
    The console behind Google's identity-aware proxy, on a domain of its own: about 20 USD a month for its balancer, less
    where there is one already. null for none.
    owners:  accounts of those who run the installation (user:...): they see and do everything.
    people:  whom the proxy lets in besides (user:..., group:...). What each may do stands in the tenants' files: `google:`
             of their people. Whoever stands in none sees nothing.
  EOT
  type = object({
    domain = string
    owners = set(string)
    people = optional(set(string), [])
  })
  default = null
  validation {
    condition     = var.console == null ? true : can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.console.domain)) && var.console.domain != try(var.balancer.domain, "")
    error_message = "Expected a domain of the console's own, such as console.example.org."
  }
  validation {
    condition     = var.console == null ? true : length(var.console.owners) > 0 && alltrue([for m in var.console.owners : can(regex("^user:[^*@]+@[^*@]+$", m))])
    error_message = "Expected at least one owner, as user:ivan@example.org: an account, not a group."
  }
  validation {
    condition     = var.console == null ? true : alltrue([for m in var.console.people : can(regex("^(user|group):[^*@]+@[^*@]+$", m))])
    error_message = "Expected user:... or group:..., nothing wider: the console is nobody else's."
  }
}

variable "console_oauth_client" {
  description = "Id and secret of an OAuth client of your own for the console's sign-in: people outside of your Google organisation (gmail.com) need one. The secret lies in the state. null takes Google's own client."
  type        = object({ id = string, secret = string })
  default     = null
  sensitive   = true
}
