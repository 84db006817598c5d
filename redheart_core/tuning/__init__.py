"""Learning-rate sweeps and searches over settings."""
