# Represents a company's existing network.
resource "aws_vpc" "existing" {
  #checkov:skip=CKV2_AWS_11:on an emulator
  #checkov:skip=CKV2_AWS_12:on an emulator

  cidr_block = "10.64.0.0/22"
}

resource "aws_subnet" "existing" {
  for_each = { eu-west-2a = "10.64.0.0/24", eu-west-2b = "10.64.1.0/24" }

  vpc_id            = aws_vpc.existing.id
  availability_zone = each.key
  cidr_block        = each.value
}

resource "aws_security_group" "endpoints" {
  name        = "endpoints"
  description = "Interface endpoints of the existing VPC"
  vpc_id      = aws_vpc.existing.id
}
