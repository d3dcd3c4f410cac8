"""`make bench`: measurements of speed, each with both of its sides from one run. BENCHMARKS.md tells how."""
