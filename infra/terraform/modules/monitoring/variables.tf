variable "project_id" {
  type = string
}

variable "services" {
  description = "Cloud Run services: those of webhook functions, and the worker's."
  type        = object({ webhooks = list(string), worker = string })
}

variable "queues" {
  description = "Queues' names in Cloud Tasks."
  type        = list(string)
}

variable "addresses" {
  description = "Public function -> where vendors call it: what uptime checks ask."
  type        = map(object({ host = string, path = string }))
}

variable "uptime_period" {
  description = "Seconds between two checks."
  type        = number
}

variable "emails" {
  type = set(string)
}

variable "channels" {
  description = "Notification channels that exist already."
  type        = set(string)
  default     = []
}

variable "runbook" {
  description = "Text whose headings of the third level are the alerts' names: what each message says."
  type        = string
}

variable "runbook_url" {
  description = "Where that text can be read, with the headings as anchors; null for nowhere."
  type        = string
  default     = null
}

variable "alerts_off" {
  description = "Policies that are left out."
  type        = set(string)
  default     = []
  validation {
    condition     = length(setsubtract(var.alerts_off, keys(local.alerts))) == 0
    error_message = "Expected names of alerts: ${join(", ", keys(local.alerts))}."
  }
}

variable "answer_limit" {
  description = "Seconds within which a webhook must have answered."
  type        = number
  default     = 2
}

variable "labels" {
  type    = map(string)
  default = {}
}
