"""Runs, slots, approvals and executions as DynamoDB, S3 and Step Functions keep them. Clients come first."""
