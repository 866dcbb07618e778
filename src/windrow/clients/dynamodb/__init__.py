"""The ledger table in DynamoDB: claims, archive records, the circuit's state, and the results of deliveries."""
