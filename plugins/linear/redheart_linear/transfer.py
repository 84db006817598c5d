"""Values that also read what the other maps answer, for labels that the records of the values do not have.

What a large data set says of texts helps a small one whose labels are others: the answers on it are honest there,
since none of its records was learnt from. Shapes: N records, V terms, D numbers of an embedding, S numbers of all
answers, L labels.
"""

from __future__ import annotations

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from redheart_core import DataError, Field
from redheart_core.contract.fitting import FitPart
from redheart_core.contract.tensors import has_any
from redheart_core.nn.answers import finish, size_of
from redheart_linear.features import Features, Matrix
from redheart_linear.model import Linear, Transfer
from redheart_linear.problems import Records

SHARE = 0.1
"""Standard deviation of an answer among the features; the terms of a text have the length 1.57."""

CONSTANT = 1e-6
"""An answer whose standard deviation is not larger is not used."""


@attrs.frozen(eq=False)
class Widened:
    """Records that hold the answers beside the embedding."""

    records: Records
    used: NDArray[np.bool_]
    """(S,)."""
    middle: Matrix
    """(U,) of the U answers that are used."""
    unit: Matrix
    """(U,)."""

    def take(self, map_of_answers: Transfer, coefficients: Matrix) -> Matrix:
        """Set the map of the answers; the coefficients of terms and embedding, (V + D + 1, L)."""
        count = int(self.used.sum())
        transferred = np.zeros((len(self.used), coefficients.shape[1]))
        transferred[self.used] = coefficients[-1 - count : -1] / self.unit[:, None]
        map_of_answers.weight.copy_(torch.from_numpy(transferred))
        bias = coefficients[-1] - self.middle @ transferred[self.used]
        return np.vstack([coefficients[: -1 - count], bias])


def widen(module: Linear, field: Field, train: FitPart, records: Records) -> Widened:
    """Put the answers that may be used beside the embedding.

    Args:
        module: Its maps of probabilities are fitted.
        field: Of values.
        train: Says which labels the records of the field have.
        records: Those of the field.

    Raises:
        DataError: None may be used.
    """
    used = foreign(module, field, train)
    answers = _answers(module, records.features)[:, used]
    deviation = answers.std(0)
    unit = np.where(deviation > CONSTANT, deviation / SHARE, np.inf)
    middle = answers.mean(0)
    wide = np.hstack([records.features.dense, (answers - middle) / unit]).astype(records.features.dense.dtype)
    return Widened(attrs.evolve(records, features=attrs.evolve(records.features, dense=wide)), used, middle, unit)


def foreign(module: Linear, field: Field, train: FitPart) -> NDArray[np.bool_]:
    """Which of the answers may be used, (S,): those on fields that no training record of this one has.

    Raises:
        DataError: None may.
    """
    rows = has_any(train.field(field.name))
    used = np.concatenate(
        [
            np.full(2 * size_of(source), not bool(has_any(train.field(source.name))[rows].any()))
            for source in module.sources
        ]
        or [np.zeros(0, bool)]
    )
    if not used.any():
        raise DataError(
            f"it has transfer on, and the training records of '{field.name}' have every other field that "
            "it answers with probabilities; join a data set with other labels, or set transfer = false"
        )
    return used


def _answers(module: Linear, features: Features) -> Matrix:
    """(N, S) float64, as the module gives them."""
    outputs: dict[str, Tensor] = {}
    for source in module.sources:
        raw = torch.from_numpy(features.apply(module.map(source).coefficients))
        outputs |= finish(source, raw.float())
    return module.answers(outputs).numpy()
