"""What ``benchmarks.models`` compares: the tables, Sluice's own way to a model, and those of other packages."""
