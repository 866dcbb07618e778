"""The ledger table in DynamoDB: claims and deliveries, the circuit's state, and how deliveries end."""
