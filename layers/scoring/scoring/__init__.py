"""Scoring a model in the function itself: what SageMaker wrote is loaded safely, measured and judged."""
