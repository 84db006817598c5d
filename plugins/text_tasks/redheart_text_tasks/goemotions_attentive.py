"""Offers `goemotions_attentive`."""

from redheart_text_tasks.nodes import provide

redheart_provide_analyzers = provide("goemotions", "attentive")
