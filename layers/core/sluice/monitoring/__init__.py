"""What becomes of a live model: the predictions that it is asked for, against what it was made with."""
