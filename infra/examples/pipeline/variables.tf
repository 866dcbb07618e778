variable "deployer_policy" {
  description = "Output deployer_policy of the stage; null for the first apply, before the stage is there."
  type        = string
  default     = null
}
