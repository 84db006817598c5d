"""Checkpoint groups: which nodes share gradients, their modules, losses and validation."""
