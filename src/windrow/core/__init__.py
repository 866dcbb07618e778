"""The pure heart of Windrow: nothing in this package does IO."""
