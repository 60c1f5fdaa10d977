"""A run from its claim to its record: who works on it, how it ended, why."""
