variable "project_id" {
  type = string
}

variable "location" {
  description = "A region, or a multi-region such as eur3; fixed for ever once made."
  type        = string
}

variable "delete_protection" {
  type    = bool
  default = true
}

variable "pitr" {
  description = "Point-in-time recovery: one version a minute for 7 days."
  type        = bool
  default     = true
}

variable "backup_days" {
  type    = number
  default = 14
}

variable "composite" {
  description = "Composite indexes, by name."
  type = map(object({
    collection = string
    fields     = list(object({ field = string, order = string }))
    queries    = list(string)
  }))
}

variable "ttl" {
  description = "Collections whose documents end at expire_at."
  type        = set(string)
}

variable "exempt" {
  description = "Collection -> fields without any index of their own."
  type        = map(list(string))
}
