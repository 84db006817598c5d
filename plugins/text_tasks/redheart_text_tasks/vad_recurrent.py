"""Offers `vad_recurrent`."""

from redheart_text_tasks.nodes import provide

redheart_provide_analyzers = provide("vad", "recurrent")
