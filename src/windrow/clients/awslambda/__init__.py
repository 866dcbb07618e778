"""AWS Lambda: a function's versions and alias, and its event source mapping."""
