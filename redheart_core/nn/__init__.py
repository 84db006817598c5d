"""Layers, losses and metrics that plugins may use."""
