"""Ridge regression on the terms and on what the other maps answer, for values whose records do not have those labels.

What a large data set says of texts helps a small one whose labels are others: the answers on it are honest there,
since none of its records was learnt from. Shapes: N records, V terms, S numbers of all answers, L labels.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from redheart_core import DataError, Field
from redheart_core.contract.fitting import FitPart
from redheart_core.contract.tensors import has_any
from redheart_core.nn.answers import finish, size_of
from redheart_linear import ridge
from redheart_linear.model import Linear

Matrix = NDArray[np.float64]

SHARE = 0.1
"""Standard deviation of an answer among the features; the terms of a text have the length 1.22."""

CONSTANT = 1e-6
"""An answer whose standard deviation is not larger is not used."""


@attrs.frozen(eq=False)
class Found:
    """Both maps of a field."""

    coefficients: Matrix
    """(V + 1, L) of the terms, the last row the bias."""
    transferred: Matrix
    """(S, L) of the answers, 0 for those that are not used."""
    penalty: float
    wide: ridge.Records
    """The training records with terms and used answers side by side."""


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
            f"plugin 'linear' has transfer on, and the training records of '{field.name}' have every other field that "
            "it answers with probabilities; join a data set with other labels, or set linear.transfer=false"
        )
    return used


def choose(
    module: Linear, field: Field, used: NDArray[np.bool_], train: ridge.Records, validation: ridge.Records
) -> Found:
    """The ridge of the least squared error on validation, on terms and used answers side by side."""
    known = [_answers(module, records.terms)[:, used] for records in (train, validation)]
    mean, deviation = known[0].mean(0), known[0].std(0)
    unit = np.where(deviation > CONSTANT, deviation / SHARE, np.inf)
    wide = [
        ridge.Records(sparse.hstack([records.terms, (answers - mean) / unit], format="csr"), records.targets)
        for records, answers in zip((train, validation), known, strict=True)
    ]
    chosen = ridge.choose(wide[0], wide[1], (field.low, field.high))
    terms = train.terms.shape[1]
    transferred = np.zeros((len(used), size_of(field)))
    transferred[used] = chosen.coefficients[terms:-1] / unit[:, None]
    bias = chosen.coefficients[-1] - mean @ transferred[used]
    return Found(np.vstack([chosen.coefficients[:terms], bias]), transferred, chosen.penalty, wide[0])


def _answers(module: Linear, terms: Any) -> Matrix:
    """(N, S) float64, as the module gives them on sparse terms."""
    outputs: dict[str, Tensor] = {}
    for source in module.sources:
        linear = module.map(source)
        raw = terms @ linear.weight.double().numpy() + linear.bias.double().numpy()
        outputs |= finish(source, torch.from_numpy(raw))
    return module.answers(outputs).numpy()
