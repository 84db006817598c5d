from .details import sources
from .inspection import Inspection, Offer, inspect_entries
from .installed import Installed, installed_plugins
from .registry import Registry, load_registry

__all__ = [
    "Inspection",
    "Installed",
    "Offer",
    "Registry",
    "inspect_entries",
    "installed_plugins",
    "load_registry",
    "sources",
]
