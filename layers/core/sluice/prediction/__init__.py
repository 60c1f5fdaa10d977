"""Records in, labels and probabilities out."""
