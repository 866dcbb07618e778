output "vpc_id" {
  description = "Id of the VPC."
  value       = local.vpc_id
}

output "subnet_ids" {
  description = "Private subnets, one in each zone."
  value       = local.subnet_ids
}

output "functions_security_group_id" {
  description = "Security group of the functions, which may connect to MinIO and the endpoints only."
  value       = aws_security_group.functions.id
}

output "vpn_connection_ids" {
  description = "Ids of the VPN connections, from which the network team downloads the routers' configuration: first, and second if there are two; empty with another network path."
  value       = { for router, connection in aws_vpn_connection.this : router => connection.id }
}
