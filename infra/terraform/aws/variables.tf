# What an operator says; only `deployment` and `images` have no default.

variable "deployment" {
  description = "The platform's name in tags: the variable DEPLOYMENT of the platform. One account, one platform, one name."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]{1,40}$", var.deployment))
    error_message = "Small letters, digits and dashes, 40 at most."
  }
}

variable "region" {
  description = "Where the machines are."
  type        = string
  default     = "eu-central-1"
}

variable "cidr" {
  description = "The addresses of the machines' network; a subnet of each zone takes a sixteenth of them."
  type        = string
  default     = "10.77.0.0/16"
}

variable "zones" {
  description = "How many availability zones the machines are spread over."
  type        = number
  default     = 2

  validation {
    condition     = var.zones >= 1 && var.zones <= 6
    error_message = "From 1 to 6."
  }
}

variable "images" {
  description = "The image of each flavour that is offered: infra/images says how they are built."
  type        = map(string)

  validation {
    condition     = length(var.images) > 0 && alltrue([for name in keys(var.images) : contains(["ubuntu", "browser", "windows"], name)])
    error_message = "One or more of ubuntu, browser and windows."
  }
}

variable "sizes" {
  description = "EC2 instance types and their memory in MiB; the smallest one that is enough is taken."
  type        = map(number)
  default = {
    "t3.small"  = 2048
    "t3.medium" = 4096
    "t3.large"  = 8192
  }
}

variable "spot" {
  description = "Flavours that are spot machines."
  type        = set(string)
  default     = []
}

variable "trusted_arns" {
  description = "Who may take the platform's role: the role or user that web and worker run as. Empty: make the policy alone."
  type        = list(string)
  default     = []
}
