variable "zip_path" {
  description = "Path of the zip that `windrow package` built."
  type        = string
  nullable    = false
}

variable "rotation_days" {
  description = "Days between rotations of MinIO's credentials; null for the first apply, until the secret has its value."
  type        = number
  default     = 30
}
