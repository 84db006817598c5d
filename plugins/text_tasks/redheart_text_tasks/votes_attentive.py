"""Offers `votes_attentive`."""

from redheart_text_tasks.nodes import provide

redheart_provide_analyzers = provide("votes", "attentive")
