variable "name" {
  description = "The folder in functions/: the function's name, its entry point and the last part of its address."
  type        = string
}

variable "service_name" {
  description = "What Cloud Run must call the service: other resources were told so before it existed."
  type        = string
}

variable "description" {
  type = string
}

variable "region" {
  type = string
}

variable "project_id" {
  type = string
}

variable "runtime" {
  description = "The bytecode in the bundle is this version's."
  type        = string
  default     = "python311"
}

variable "source_zip" {
  description = "Where the bundle lies."
  type        = object({ bucket = string, object = string })
}

variable "build" {
  description = "Who builds the image, and the repository that takes it."
  type        = object({ service_account = string, repository = string })
}

variable "size" {
  type = object({
    memory      = string
    cpu         = string
    concurrency = number
    timeout     = number
    min         = number
    max         = number
  })
  validation {
    condition     = can(regex("^[0-9]+(Mi|Gi)$", var.size.memory))
    error_message = "Expected memory such as 512Mi, got ${var.size.memory}."
  }
}

variable "service_account" {
  description = "E-mail of the identity that the function runs as."
  type        = string
}

variable "environment" {
  type    = map(string)
  default = {}
}

variable "secrets" {
  description = "Environment variable -> id of the secret whose newest version it holds."
  type        = map(string)
  default     = {}
}

variable "public" {
  description = "True: anybody may call, and the function itself tells the genuine from the forged."
  type        = bool
  default     = false
}

variable "grant_public" {
  description = "Whether being public takes a grant to allUsers; false where that is forbidden and the check of callers is switched off instead."
  type        = bool
  default     = true
}

variable "balancer_only" {
  description = "True: a public function is reached through the load balancer and in no other way."
  type        = bool
  default     = false
}

variable "balanced" {
  description = "True: a function that isn't public is reached through a load balancer all the same: behind a proxy that says who calls."
  type        = bool
  default     = false
}

variable "invokers" {
  description = "Role in our words -> the one service account that may call a function that isn't public."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for role in keys(var.invokers) : contains(["queue", "scheduler", "ingest", "proxy"], role)])
    error_message = "Only the queue's, the scheduler's and the front door's identities call the worker, and the proxy's the console."
  }
}

variable "network" {
  description = "Network and subnetwork that all traffic leaves through, or null for the platform's own way out."
  type        = object({ network = string, subnetwork = string })
  default     = null
}

variable "labels" {
  type    = map(string)
  default = {}
}
