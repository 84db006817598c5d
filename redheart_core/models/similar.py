"""The cases nearest to texts beside the answers: of a memory, or of the training split where limits are found out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from redheart_core.contract.fields import Field
from redheart_core.contract.layers import LayerTexts
from redheart_core.data.store import Store
from redheart_core.exact.numbers import FloatArray
from redheart_core.inspection.baselines import mean_embedding
from redheart_core.memory.case import Neighbour
from redheart_core.memory.cases import Cases
from redheart_core.memory.vectors import text_vector
from redheart_core.nn.answers import as_shares

NEAREST = 5
"""Cases of a text."""
_TOGETHER = 8192
"""Training records that are compared at once."""


def nearest_cases(cases: Cases | None, vectors: NDArray[Any]) -> tuple[Neighbour, ...]:
    """The nearest cases of a text; none without a memory.

    Args:
        cases: Of the model's encoder.
        vectors: (T, D) of the text's chunks.

    Raises:
        CaseMemoryError: The memory is damaged.
    """
    if cases is None or not vectors.any():
        return ()
    return tuple(cases.nearest(text_vector(vectors), NEAREST))


def add_cases(texts: LayerTexts, near: Sequence[Sequence[Neighbour]]) -> LayerTexts:
    """N texts with the nearest cases of each; as they are if none has any."""
    if not any(near):
        return texts
    distances = np.full((len(near), NEAREST), np.nan)
    for row, own in enumerate(near):
        distances[row, : len(own)] = [one.distance for one in own]
    return _added(texts, distances, lambda field: np.stack([_labels_of_cases(field, own) for own in near]))


def add_training_cases(texts: LayerTexts, store: Store, rows: Tensor) -> LayerTexts:
    """The same with the training split as the memory.

    Args:
        texts: Of the rows.
        store: Of the run.
        rows: Of another split.
    """
    queries = _unit(mean_embedding(store, rows))
    train = store.rows("train")
    best, found = np.full((len(rows), 0), np.inf), np.full((len(rows), 0), 0, np.int64)
    for part in torch.split(train, _TOGETHER):
        apart = 1.0 - queries @ _unit(mean_embedding(store, part)).T
        best = np.concatenate([best, apart], 1)
        found = np.concatenate([found, np.broadcast_to(part.numpy(), apart.shape)], 1)
        order = np.argsort(best, axis=1, kind="stable")[:, :NEAREST]
        best, found = np.take_along_axis(best, order, 1), np.take_along_axis(found, order, 1)
    places = torch.from_numpy(found)

    def labels(field: Field) -> FloatArray:
        numbers = store.target(field.name)[places.flatten()].double()
        shares: FloatArray = as_shares(field, numbers).reshape(*places.shape, -1).numpy()
        return shares

    return _added(texts, best.clip(0.0, 2.0), labels)


def _added(texts: LayerTexts, distances: FloatArray, labels: Callable[[Field], FloatArray]) -> LayerTexts:
    answers = {name: attrs.evolve(one, cases=labels(one.field)) for name, one in texts.answers.items()}
    return attrs.evolve(texts, answers=answers, distances=distances)


def _labels_of_cases(field: Field, near: Sequence[Neighbour]) -> FloatArray:
    """(NEAREST, L) of the cases of one text; shares of counts, NaN where a case has no such label."""
    names = [f"{field.name}.{label}" for label in field.labels] or [field.name]
    if field.axes:
        return np.full((NEAREST, len(field.elements)), np.nan)
    found = np.full((NEAREST, len(names)), np.nan)
    for row, one in enumerate(near):
        found[row] = [one.case.labels.get(name, np.nan) for name in names]
    shares: FloatArray = as_shares(field, torch.from_numpy(found)).numpy()
    return shares


def _unit(vectors: NDArray[Any]) -> NDArray[Any]:
    """Rows of length 1; a zero one stays, and is at a distance of 1 from all."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0))
