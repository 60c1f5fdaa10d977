"""What is fast here is measured, against what a person would use instead.

``python -m benchmarks.validate`` makes its table, measures and prints its ratios last.
"""
