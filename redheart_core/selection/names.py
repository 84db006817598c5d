"""The rules by which an epoch of each group is chosen, and their names for people."""

from __future__ import annotations

NAMES = {"best": "best", "one_se": "1-SE", "plateau": "plateau", "knee": "knee", "onset": "onset", "vote": "vote"}
"""Rule to its name for people."""
