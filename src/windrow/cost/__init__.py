"""What a deployment costs a month: a model of the bill, list prices, and the requirement's own estimate beside it."""
