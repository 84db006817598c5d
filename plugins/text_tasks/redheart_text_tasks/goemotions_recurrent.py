"""Offers `goemotions_recurrent`."""

from redheart_text_tasks.nodes import provide

redheart_provide_analyzers = provide("goemotions", "recurrent")
