"""The pure part of Windrow: no IO, no clock, no randomness."""
