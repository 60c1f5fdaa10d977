"""What was measured of a model, and what the model registry is told of it."""
