"""The names that tie redheart and its plugins together."""

from __future__ import annotations

import pluggy

PROJECT_NAME = "redheart"
"""pluggy project name and entry point group."""

hookspec = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)
"""Marks a function of a plugin as the implementation of a hook."""
