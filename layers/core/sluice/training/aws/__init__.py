"""What training jobs leave in CloudWatch. Clients come first."""
