"""Predictions asked of a live endpoint. Clients come first."""
