variable "project_id" {
  description = "The Google Cloud project that Svyazka is put into: best one of its own."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "Expected a project id such as my-svyazka (6 to 30 lower-case letters, digits, hyphens), got ${var.project_id}."
  }
}

variable "region" {
  description = "Where functions, queues and the database are. europe-west1 is Tier 1 and near Russia's vendors."
  type        = string
  default     = "europe-west1"
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "Expected a region such as europe-west1, got ${var.region}."
  }
}

variable "labels" {
  description = "Labels on everything that bears labels, for the bill."
  type        = map(string)
  default     = {}
}

variable "bundles" {
  description = "Folder with one zip a function, as `make bundle` leaves it; relative to this folder or absolute."
  type        = string
  default     = "../../build/bundles"
}

variable "operators" {
  description = "Who runs the command line against this installation: IAM members such as user:ivan@example.org."
  type        = set(string)
  default     = []
  validation {
    condition     = alltrue([for m in var.operators : can(regex("^(user|group|serviceAccount):[^*]+@[^*]+$", m))])
    error_message = "Expected user:..., group:... or serviceAccount:..., nothing wider."
  }
}

variable "keys_epoch" {
  description = "Raise it after adding a key version: new instances start, and read the newest keys (docs/operations.md)."
  type        = number
  default     = 1
  validation {
    condition     = var.keys_epoch >= 1 && floor(var.keys_epoch) == var.keys_epoch
    error_message = "Expected a whole number from 1 on."
  }
}

variable "operator_alerts" {
  description = "SVYAZKA_ALERTS: whom the product itself tells, `tenant/connection:address`, several with commas. It lies in the state as it is: rather a chat's id than somebody's phone."
  type        = string
  default     = ""
}

variable "accounts_per_vendor" {
  description = "How many connections of one vendor this installation expects: a vendor that counts by account lets its queue run that many times as fast."
  type        = number
  default     = 25
  validation {
    condition     = var.accounts_per_vendor >= 1 && var.accounts_per_vendor <= 1000
    error_message = "Expected 1 to 1000."
  }
}

variable "domain_restricted_sharing" {
  description = "True where an organisation's policy forbids grants to allUsers: none is made, and `make deploy` switches Cloud Run's check of callers off for each webhook function instead (docs/operations.md, \"Options\")."
  type        = bool
  default     = false
}
