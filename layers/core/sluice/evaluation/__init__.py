"""What was measured of a model, and what the model registry gets of it."""
