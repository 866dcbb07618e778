# What the mapping invokes. `windrow deploy` moves it from version to version.
resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "The version in service; moved by `windrow deploy`."
  function_name    = module.function.name
  function_version = coalesce(var.initial_version, module.function.version)

  lifecycle {
    # A deployment shifts these, and notes in the description what it replaced; an apply must neither undo it nor move
    # the traffic itself.
    ignore_changes = [description, function_version, routing_config]
  }
}
