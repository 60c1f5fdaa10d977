"""Endpoints as SageMaker, DynamoDB and CloudWatch keep them, and all that changes one. Clients come first."""
