"""Offers `vad_pooled`."""

from redheart_text_tasks.nodes import provide

redheart_provide_analyzers = provide("vad", "pooled")
