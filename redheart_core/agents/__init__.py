"""Agents that learn in an environment: episodes, replay, updates, and teams of their checkpoints."""
