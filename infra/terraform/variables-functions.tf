variable "webhook" {
  description = <<-EOT
    Every webhook function's instance.
    memory, cpu:  a fractional CPU stretches the cold start past the 2 s in which vendors want an answer; 1 vCPU is
                  also what concurrency above 1 needs. 512Mi is twice the budget of 128 MiB and what gen2 starts at.
    concurrency:  one instance takes bursts instead of one cold start a request; above 16 calls at once the store's
                  client gets slower, not faster (docs/operations.md, "Cost").
    timeout:      accept_limit is 1.6 s; what takes 10 s is stuck.
    min:          0 costs nothing while nobody calls; 1 takes away the cold start for about 10 USD a month.
    max:          bounds the bill under a flood: 10 instances x 16 requests.
  EOT
  type = object({
    memory      = optional(string, "512Mi")
    cpu         = optional(string, "1")
    concurrency = optional(number, 16)
    timeout     = optional(number, 10)
    min         = optional(number, 0)
    max         = optional(number, 10)
  })
  default = {}
  validation {
    condition     = var.webhook.concurrency == 1 || tonumber(var.webhook.cpu) >= 1
    error_message = "Concurrency above 1 needs at least 1 vCPU."
  }
  validation {
    condition     = var.webhook.timeout > local.deadlines.accept_limit && var.webhook.timeout <= 60
    error_message = "The webhook's timeout must lie above accept_limit (${local.deadlines.accept_limit} s) and be at most 60 s."
  }
  validation {
    condition     = var.webhook.min >= 0 && var.webhook.max >= 1 && var.webhook.min <= var.webhook.max
    error_message = "Expected 0 <= min <= max."
  }
}

variable "worker" {
  description = <<-EOT
    The worker's instance.
    memory:       the Google clients take about 110 MiB, the budget is 256 MiB.
    concurrency:  it mostly waits for vendors: 80 at once on one vCPU cost an eightieth each.
    timeout:      null takes FUNCTION_LIMIT of the code's table; it must lie between the longest lease and the dispatch deadline.
    max:          1 instance x 80 tasks keeps vendors' rates by itself. With more the instances share each rate by the
                  store (SVYAZKA_RATES=leased, set by itself), a read and a write each for 10 s and account in use.
                  A vendor's queue takes a fifth of all tasks at most, and its vendor's limit anyway.
  EOT
  type = object({
    memory      = optional(string, "512Mi")
    cpu         = optional(string, "1")
    concurrency = optional(number, 80)
    timeout     = optional(number)
    min         = optional(number, 0)
    max         = optional(number, 1)
  })
  default = {}
  validation {
    condition     = var.worker.concurrency == 1 || tonumber(var.worker.cpu) >= 1
    error_message = "Concurrency above 1 needs at least 1 vCPU."
  }
  validation {
    condition = var.worker.timeout == null ? true : (
      var.worker.timeout > local.deadlines.longest_lease && var.worker.timeout < local.deadlines.dispatch_deadline
    )
    error_message = "The worker's timeout must lie between the longest lease (${local.deadlines.longest_lease} s) and dispatch deadline (${local.deadlines.dispatch_deadline} s)."
  }
  validation {
    condition     = var.worker.min >= 0 && var.worker.max >= 1 && var.worker.min <= var.worker.max
    error_message = "Expected 0 <= min <= max."
  }
  validation {
    condition     = var.worker.concurrency * var.worker.max >= 10
    error_message = "concurrency x max: expected 10 tasks at once or more, got ${var.worker.concurrency * var.worker.max}: a vendor that hangs would hold them all."
  }
}

variable "sizes" {
  description = "Exceptions for single functions, by folder name: what differs from `webhook` or `worker`."
  type = map(object({
    memory      = optional(string)
    cpu         = optional(string)
    concurrency = optional(number)
    min         = optional(number)
    max         = optional(number)
  }))
  default = {}
  validation {
    condition     = alltrue([for name in keys(var.sizes) : contains(keys(local.generated.functions), name)])
    error_message = "Expected folders of functions/: ${join(", ", keys(local.generated.functions))}."
  }
}
