"""The test split, comparisons over seeds, and benchmarks."""
