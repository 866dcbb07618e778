# AWS checks PartiQL statements as dynamodb:PartiQLInsert and so on, which the aggregator's own policy allows. MiniStack
# knows neither these actions nor the table in a statement: it checks the API call, on "*".
resource "aws_iam_role_policy" "partiql_on_ministack" {
  name = "partiql-on-ministack"
  role = module.windrow.role_names.aggregator
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "PartiQL"
      Effect   = "Allow"
      Action   = ["dynamodb:BatchExecuteStatement", "dynamodb:ExecuteStatement"]
      Resource = "*"
    }]
  })
}
