"""Exact calculators: mathematics without parameters, each tested against published or analytic numbers."""
