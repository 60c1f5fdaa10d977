"""The jobs that evaluations are measured by, one a module, so that each loads what it needs and no more.

Every module has ``prepare(folder)``, which loads what :mod:`benchmarks.make_scores` wrote into the folder, and
``run(prepared)``, which is timed and returns the log loss that it came to, for a check of the result.
"""
