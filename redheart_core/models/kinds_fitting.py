"""What tells the kinds of text of a model apart: the linear discriminant of the mean vectors of its training texts
(Fisher 1936), where all kinds are equally frequent, as nobody knows how frequent they will be.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from redheart_core.data.sampling import draw_rows
from redheart_core.data.store import Store
from redheart_core.inspection.baselines import mean_embedding
from redheart_core.models.kinds import KINDS_FILE, Kinds, Vectors
from redheart_core.storage.files import make_folder, save_tensors

LEAST_TEXTS = 100
"""A data set with fewer training texts in a language is no kind of it."""
MOST_TEXTS = 4000
"""Training texts of a kind that are looked at."""
RIDGE = 0.05
"""Added to the variance of every direction, in units of the mean one."""


def fit_kinds(store: Store) -> Kinds:
    """What tells apart the data sets of each language that has several.

    Args:
        store: Whose training texts are looked at; one without texts or calibration records has one kind.
    """
    if not store.has_texts or not len(store.rows("calibration")):
        return Kinds()
    found: dict[str, Vectors] = {}
    for texts in _texts(store).values():
        if len(texts) > 1:
            found |= _discriminant(texts)
    return Kinds(found)


def kinds_of(kinds: Kinds, store: Store, rows: Tensor) -> tuple[str, ...]:
    """The kind of each of N records of a store."""
    codes = store.codes(rows)
    return tuple(one.name for one in kinds.of(codes, mean_embedding(store, rows))) if kinds.directions else codes


def write_kinds(building: Path, kinds: Kinds) -> dict[str, str]:
    """Write them into a model folder; the file with its SHA-256, none where every language has one kind."""
    if not kinds.directions:
        return {}
    make_folder((building / KINDS_FILE).parent)
    tensors = {kind: torch.from_numpy(weights) for kind, weights in kinds.directions.items()}
    return {KINDS_FILE: save_tensors(building / KINDS_FILE, tensors)}


def _texts(store: Store) -> dict[str, dict[str, Vectors]]:
    """Language to kind to the mean vectors of training texts, of the kinds that have enough of them."""
    rows = store.rows("train")
    codes, sources = np.array(store.codes(rows)), store.sources[rows].numpy()
    found: dict[str, dict[str, Vectors]] = {}
    for code in sorted(set(codes.tolist())):
        for number, name in enumerate(store.source_names):
            own = rows.numpy()[(codes == code) & (sources == number)]
            if len(own) >= LEAST_TEXTS:
                drawn = draw_rows(own, np.ones_like(own), MOST_TEXTS, store.shuffle_key)
                found.setdefault(code, {})[f"{code}/{name}"] = mean_embedding(store, torch.from_numpy(drawn))
    return found


def _discriminant(texts: Mapping[str, Vectors]) -> dict[str, Vectors]:
    """Of each kind the weights and the offset of its likelihood, where all kinds are equally frequent."""
    means = np.stack([vectors.mean(0, dtype=np.float64) for vectors in texts.values()])
    around = [vectors - mean for vectors, mean in zip(texts.values(), means, strict=True)]
    spread = sum(one.T @ one for one in around) / sum(map(len, around))
    ridge = RIDGE * np.trace(spread) / len(spread) + np.finfo(np.float32).tiny
    weights = np.linalg.solve(spread + ridge * np.eye(len(spread)), means.T).T
    offsets = -0.5 * (means * weights).sum(1)
    return dict(zip(texts, np.column_stack([weights, offsets]).astype(np.float32), strict=True))
