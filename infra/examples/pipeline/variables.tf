variable "deployer_policy" {
  description = "The stage's output deployer_policy; null for the first apply, before the stage exists."
  type        = string
  default     = null
}
