"""The jobs that are measured, one a module, so that each loads what it needs and no more.

Every module has ``run(file, out)``: it reads the mixed table (``benchmarks.mixed_table``) from ``file``, writes what it
makes into the folder ``out`` and returns its :class:`benchmarks.measure.Counts`.
"""
