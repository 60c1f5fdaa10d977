"""Jobs that ``benchmarks.monitor`` times: each makes a report on the same log of predictions."""
