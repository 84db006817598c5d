"""Offers `kote_recurrent`."""

from redheart_text_tasks.nodes import provide

redheart_provide_analyzers = provide("kote", "recurrent")
