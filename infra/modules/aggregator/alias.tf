# The mapping invokes this alias. `windrow deploy` moves it from version to version.
resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "The version in service; moved by `windrow deploy`."
  function_name    = module.function.name
  function_version = coalesce(var.initial_version, module.function.version)

  lifecycle {
    # `windrow deploy` changes these, and records in the description which version was replaced; an apply must neither
    # undo that nor move traffic itself.
    ignore_changes = [description, function_version, routing_config]
  }
}
