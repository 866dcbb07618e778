"""The monthly cost of a deployment: a model of the bill, list prices, and the requirement's own estimate."""
