output "vpc_id" {
  description = "The VPC."
  value       = local.vpc_id
}

output "subnet_ids" {
  description = "Private subnets, one a zone."
  value       = local.subnet_ids
}

output "functions_security_group_id" {
  description = "Security group of the functions: to MinIO and the endpoints only."
  value       = aws_security_group.functions.id
}

output "vpn_connection_ids" {
  description = "The VPN connections, from which the network team downloads the routers' configuration: first, and second if there are two; none with another way on-premises."
  value       = { for router, connection in aws_vpn_connection.this : router => connection.id }
}
