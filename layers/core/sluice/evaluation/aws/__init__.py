"""Evaluations in S3. Clients come first."""
