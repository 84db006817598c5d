"""redheart's contract: all that a plugin needs and imports no torch.

Names are imported when they are first used, as a listing of plugins needs few of them; __init__.pyi says where from.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
