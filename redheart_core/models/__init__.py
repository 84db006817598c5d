"""Assembled models and what they answer."""
