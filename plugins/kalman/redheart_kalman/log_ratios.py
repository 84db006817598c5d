"""Coordinates of a distribution in which adding is meaningful: centred log-ratios in an orthonormal basis."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from redheart_core import DataError


def contrasts(labels: int) -> Tensor:
    """An orthonormal basis of the numbers that sum to zero, (L, L - 1), Helmert's.

    Logits times it are the isometric log-ratios of their softmax (Egozcue et al. 2003): all labels count alike,
    and the constant that a softmax ignores is gone. Times its transpose they are centred log-ratios again.

    Raises:
        DataError: Fewer than two labels.
    """
    if labels < 2:
        raise DataError(f"a distribution needs two or more labels, got {labels}")
    basis = torch.zeros(labels, labels - 1)
    for column in range(labels - 1):
        below = column + 1
        basis[:below, column] = 1 / math.sqrt(below * (below + 1))
        basis[below, column] = -math.sqrt(below / (below + 1))
    return basis
