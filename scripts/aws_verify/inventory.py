"""What there is in an account and region, of all kinds that the stack consists of."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError

from scripts.aws_verify.account import Caller
from windrow.clients.answers import code

Inventory = dict[str, set[str]]
"""Names, by kind."""

KINDS = {
    "alarms": ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    "aliases of keys": ("kms", "list_aliases", "Aliases", "AliasName"),
    "buckets": ("s3", "list_buckets", "Buckets", "Name"),
    "composite alarms": ("cloudwatch", "describe_alarms", "CompositeAlarms", "AlarmName"),
    "customer gateways": ("ec2", "describe_customer_gateways", "CustomerGateways", "CustomerGatewayId"),
    "dashboards": ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    "endpoints": ("ec2", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    "event source mappings": ("lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"),
    "functions": ("lambda", "list_functions", "Functions", "FunctionName"),
    "keys": ("kms", "list_keys", "Keys", "KeyId"),
    "log groups": ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    "network interfaces": ("ec2", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
    "queues": ("sqs", "list_queues", "QueueUrls", ""),
    "roles": ("iam", "list_roles", "Roles", "RoleName"),
    "rules": ("events", "list_rules", "Rules", "Name"),
    "schedules": ("scheduler", "list_schedules", "Schedules", "Name"),
    "secrets": ("secretsmanager", "list_secrets", "SecretList", "Name"),
    "security groups": ("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
    "subnets": ("ec2", "describe_subnets", "Subnets", "SubnetId"),
    "tables": ("dynamodb", "list_tables", "TableNames", ""),
    "topics": ("sns", "list_topics", "Topics", "TopicArn"),
    "users": ("iam", "list_users", "Users", "UserName"),
    "VPCs": ("ec2", "describe_vpcs", "Vpcs", "VpcId"),
    "VPN connections": ("ec2", "describe_vpn_connections", "VpnConnections", "VpnConnectionId"),
    "VPN gateways": ("ec2", "describe_vpn_gateways", "VpnGateways", "VpnGatewayId"),
}
"""Kind by kind: service, operation, and where its answer has the names; "" where they stand there themselves."""

GONE = {"deleted", "deleting"}
"""States of what EC2 still lists for an hour or so, and Lambda for a minute."""


def inventory(root: Caller) -> Inventory:
    """Return the names of everything there is, by kind. What an account deletes later, it has no more."""
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(KINDS, pool.map(lambda kind: names(root, *KINDS[kind]), KINDS), strict=True))


def names(root: Caller, service: str, operation: str, where: str, name: str) -> set[str]:
    """Return the names of one kind."""
    found = [entry for page in root.pages(service, operation) for entry in page.get(where, [])]
    if operation == "list_keys":
        return {entry[name] for entry in found if not _is_deleted(root, entry[name])}
    return {
        entry[name] if name else entry for entry in found if not name or str(entry.get("State")).lower() not in GONE
    }


def _is_deleted(root: Caller, key: str) -> bool:
    """Tell whether a key is one that AWS deletes after a waiting period of at least a week, or has deleted."""
    try:
        return bool(root.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion")
    except ClientError as error:
        # Others' keys of the account may be closed to us; they are there.
        return code(error) == "NotFoundException"


def appeared(before: Mapping[str, set[str]], after: Mapping[str, set[str]]) -> Inventory:
    """Return what there is now and was not before."""
    more = {kind: after[kind] - before[kind] for kind in after}
    return {kind: names for kind, names in more.items() if names}
