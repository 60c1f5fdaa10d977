"""The domain of Sluice: from an uploaded table to an endpoint that has earned its place.

Everything in this package runs on the standard library, Powertools, pydantic and boto3 alone, so that each function can
import it within a cold start. Heavy libraries live in the layers that ship them (``tabular``, ``scoring``).
"""
