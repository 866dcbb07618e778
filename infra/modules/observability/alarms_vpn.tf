# One for each connection to a router. That none is up shows in destination-connect too.
locals {
  vpn_alarms = { for router, id in var.vpn_connections : router == "first" ? "vpn-tunnel-down" : "vpn-tunnel-down-${router}" => {
    says      = "A tunnel of the VPN connection to the ${router} router is down."
    namespace = "AWS/VPN"
    metric    = "TunnelState"
    # Of both tunnels: less than 1 while either is down.
    dimensions = { VpnId = id }
    statistic  = "Average"
    comparison = "LessThanThreshold"
    threshold  = 1
    period_s   = 300
    # AWS takes down one tunnel at a time for its own maintenance, for minutes.
    periods = 3
    missing = "breaching"
  } }
}
