"""Arrays into results that JSON can hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def nullable(values: npt.ArrayLike) -> Any:
    """Numbers as nested lists with None for NaN and infinity, where these have a meaning that the README states."""
    array = np.asarray(values, dtype=np.float64)
    objects = array.astype(object)
    objects[~np.isfinite(array)] = None
    return objects.tolist()
