"""Layers fitted to a model: on training texts, with limits that few calibration texts exceed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from redheart_core.contract.layers import LayerTexts
from redheart_core.data.language import UNDETERMINED, primary
from redheart_core.data.store import Store
from redheart_core.exact.conformal import conformal_quantile, conformal_rank
from redheart_core.groups.plugin_calls import setting_up
from redheart_core.inspection.baselines import mean_embedding
from redheart_core.models.limits import LIMITS, LIMITS_FILE, ActiveLayer, LayerLimits, Limits, arrays_file, score_texts
from redheart_core.storage.files import make_folder, save_tensors, sha256

SHARE = 0.05
"""Of the calibration texts of each language all layers together may leave at most so many unanswered."""
MOST_TEXTS = 20_000
"""Training texts that layers are fitted on."""


def fit_limits(building: Path, store: Store, layers: Sequence[ActiveLayer]) -> dict[str, str]:
    """Fit layers and write them into a model folder.

    Args:
        building: The folder.
        store: Of the run.
        layers: Those of all installed packages.

    Returns:
        The files with their SHA-256; none without layers or calibration texts.

    Raises:
        PluginError: A layer fails.
    """
    rows = store.rows("calibration")
    if not layers or not len(rows):
        return {}
    train, held = texts_of(store, store.sample("train", MOST_TEXTS)), texts_of(store, rows)
    make_folder((building / LIMITS_FILE).parent)
    files, found, beyond = dict[str, str](), [], np.zeros(len(rows), bool)
    for layer in layers:
        name = layer.spec.name
        with setting_up(name, "fit"):
            arrays = layer.spec.fit(train)
        if arrays:
            tensors = {key: torch.from_numpy(np.ascontiguousarray(array)) for key, array in arrays.items()}
            files[arrays_file(name)] = save_tensors(building / arrays_file(name), tensors)
        scores = score_texts(layer.spec, arrays, held)
        limits = _limits(layer, scores, held.languages, SHARE / len(layers))
        beyond |= _beyond(limits, scores, held.languages)
        found.append(limits)
    codes = np.array(held.languages)
    rates = {str(code): float(beyond[codes == code].mean()) for code in sorted(set(held.languages))}
    LIMITS.write(building / LIMITS_FILE, Limits(tuple(found), rates))
    return {**files, LIMITS_FILE: sha256(building / LIMITS_FILE)}


def texts_of(store: Store, rows: Tensor) -> LayerTexts:
    """Some records of a store as layers see them."""
    texts = [store.text(row) for row in rows.tolist()]
    codes = [store.language(row) for row in rows.tolist()]
    known = np.full((len(texts), 2), np.nan) if store.terms is None else store.terms.known(texts)
    languages = [UNDETERMINED if code is None else primary(code) for code in codes]
    return LayerTexts(texts, languages, mean_embedding(store, rows), known)


def _limits(layer: ActiveLayer, scores: NDArray[Any], languages: Sequence[str], share: float) -> LayerLimits:
    codes = np.array(languages)
    of = {str(code): _limit(scores[codes == code], share) for code in sorted(set(languages))}
    known = {code: limit for code, limit in of.items() if limit is not None}
    return LayerLimits(layer.spec.name, layer.distribution, layer.version, share, _limit(scores, share), known)


def _limit(scores: NDArray[Any], share: float) -> float | None:
    """The score that a new text exceeds with at most that probability; None if the texts are too few."""
    said = scores[~np.isnan(scores)]
    return float(conformal_quantile(said, share)) if conformal_rank(len(said), share) <= len(said) else None


def _beyond(limits: LayerLimits, scores: NDArray[Any], languages: Sequence[str]) -> NDArray[np.bool_]:
    bounds: Mapping[str, float | None] = {code: limits.limit(code) for code in set(languages)}
    highest = np.array([np.inf if (one := bounds[code]) is None else one for code in languages])
    return np.asarray(scores > highest)
