"""The [plugins.everyday_ko] table, which is empty, and the fields that the data set holds."""

from __future__ import annotations

import attrs

from redheart_core import CATALOGUE


@attrs.frozen
class EverydaySettings:
    """Nothing can be set."""


FIELDS = tuple(CATALOGUE[name] for name in ("goemotions", "ekman", "kote"))
