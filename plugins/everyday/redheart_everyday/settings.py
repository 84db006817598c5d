"""The tables [plugins.everyday_en] and [plugins.everyday_ko], which are empty, and the fields of the data sets."""

from __future__ import annotations

import attrs

from redheart_core import CATALOGUE


@attrs.frozen
class EverydaySettings:
    """Nothing can be set."""


ENGLISH = (CATALOGUE["goemotions"], CATALOGUE["ekman"])
KOREAN = (*ENGLISH, CATALOGUE["kote"])
