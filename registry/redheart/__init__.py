"""redheart in Python: prepare data, train, select, assemble, evaluate, report and analyze.

Names are imported when they are first used, so that importing redheart takes no time and needs no torch; `__init__.pyi`
says where from.

Examples:
    >>> import redheart
    >>> redheart.calculate("exact_votes", {"votes": [[3, 1], [2, 2]]})["shares"]
    [[0.75, 0.25], [0.5, 0.5]]
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
