"""Reads plugins.toml, loads the active plugins, and owns the only pluggy.PluginManager that events go through."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
