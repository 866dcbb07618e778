# One for each connection to a router. If none is up, destination-connect fires too.
locals {
  vpn_alarms = { for router, id in var.vpn_connections : router == "first" ? "vpn-tunnel-down" : "vpn-tunnel-down-${router}" => {
    says      = "A tunnel of the VPN connection to the ${router} router is down."
    namespace = "AWS/VPN"
    metric    = "TunnelState"
    # The average of both tunnels: less than 1 while either is down.
    dimensions = { VpnId = id }
    statistic  = "Average"
    comparison = "LessThanThreshold"
    threshold  = 1
    period_s   = 300
    # For its own maintenance AWS takes down one tunnel at a time, for some minutes.
    periods = 3
    missing = "breaching"
  } }
}
