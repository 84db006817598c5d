"""The penalty of a ridge regression on sparse terms, for values.

Shapes: N records, V terms, L labels. Coefficients are (V + 1, L), the last row the bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core.exact.ridge import ridge_path

Matrix = NDArray[np.float64]

PENALTIES = (64.0, 32.0, 16.0, 8.0, 4.0, 2.0, 1.0, 0.3)


@attrs.frozen(eq=False)
class Records:
    """What is fitted or evaluated."""

    terms: Any
    """(N, V) sparse float64."""
    targets: Matrix
    """(N, L), NaN where missing."""


@attrs.frozen(eq=False)
class Choice:
    """The best of some penalties."""

    penalty: float
    coefficients: Matrix
    losses: dict[float, float]
    """Penalty to mean squared error on the validation records."""


def choose(
    train: Records, validation: Records, limits: tuple[float, float], penalties: Sequence[float] = PENALTIES
) -> Choice:
    """The penalty of the least squared error on validation, for all labels of a field; predictions are cut off."""
    path = ridge_path(train.terms, train.targets, penalties)
    losses = {}
    for penalty, found in zip(penalties, path, strict=True):
        predicted = np.clip(validation.terms @ found[:-1] + found[-1], *limits)
        losses[penalty] = float(np.nanmean(np.square(predicted - validation.targets)))
    best = min(losses, key=losses.__getitem__)
    return Choice(best, path[penalties.index(best)], losses)
