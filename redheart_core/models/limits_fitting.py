"""Layers fitted to a model, with limits that few calibration texts exceed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from redheart_core.contract.layers import LayerTexts
from redheart_core.data.store import Store
from redheart_core.exact.conformal import conformal_quantile, conformal_rank
from redheart_core.groups.plugin_calls import setting_up
from redheart_core.inspection.baselines import mean_embedding
from redheart_core.models.limits import LIMITS, LIMITS_FILE, ActiveLayer, LayerLimits, Limits, arrays_file, score_texts
from redheart_core.storage.files import make_folder, save_tensors, sha256

SHARE = 0.05
"""Of the calibration texts of each language all layers of a kind together may find at most so many beyond."""
MOST_TEXTS = 20_000
"""Training texts that limits are fitted on."""
MOST_ANSWERED = 2000
"""Validation and calibration texts that are answered for the layers that see answers; a slow group takes minutes."""


Answering = Callable[[LayerTexts, Tensor], LayerTexts]
"""The texts of some rows to the same with what the model answers them."""


def fit_limits(building: Path, store: Store, layers: Sequence[ActiveLayer], answered: Answering) -> dict[str, str]:
    """Fit layers and write them into a model folder.

    Args:
        building: The folder.
        store: Of the run.
        layers: Those of all installed packages.
        answered: Adds to the texts of some rows what the model answers them.

    Returns:
        The files with their SHA-256; none without layers or calibration texts.

    Raises:
        PluginError: A layer fails.
    """
    rows, layers = store.rows("calibration"), [layer for layer in layers if layer.spec.kind != "context"]
    if not layers or not len(rows):
        return {}
    plain = texts_of(store, store.sample("train", MOST_TEXTS)), texts_of(store, rows)
    seen = _Seen(store, answered, rows, plain[1])
    make_folder((building / LIMITS_FILE).parent)
    files, found = dict[str, str](), list[LayerLimits]()
    scores, languages = dict[str, NDArray[Any]](), dict[str, Sequence[str]]()
    for layer in layers:
        name, limit = layer.spec.name, layer.spec.kind == "limit"
        fitted, held = plain if limit else seen.parts
        with setting_up(name, "fit"):
            arrays = layer.spec.fit(fitted)
        if arrays:
            tensors = {key: torch.from_numpy(np.ascontiguousarray(array)) for key, array in arrays.items()}
            files[arrays_file(name)] = save_tensors(building / arrays_file(name), tensors)
        scores[name], languages[name] = score_texts(layer.spec, arrays, held), held.languages
    beyond = np.zeros(len(rows), bool)
    for layer in layers:
        name, kind = layer.spec.name, layer.spec.kind
        saying = [one for one in layers if one.spec.kind == kind and not np.isnan(scores[one.spec.name]).all()]
        found.append(_limits(layer, scores[name], languages[name], SHARE / max(1, len(saying))))
        if kind == "limit":
            beyond |= _beyond(found[-1], scores[name], languages[name])
    codes = np.array(plain[1].languages)
    rates = {str(code): float(beyond[codes == code].mean()) for code in sorted(set(codes.tolist()))}
    LIMITS.write(building / LIMITS_FILE, Limits(tuple(found), rates))
    return {**files, LIMITS_FILE: sha256(building / LIMITS_FILE)}


def texts_of(store: Store, rows: Tensor) -> LayerTexts:
    """Some records of a store as layers see them before they are answered."""
    texts = [store.text(row) for row in rows.tolist()]
    return LayerTexts(texts, store.codes(rows), mean_embedding(store, rows), store.known_terms(rows, texts))


@attrs.define
class _Seen:
    """Texts with what the model answers them, which takes time and is found out when a layer asks."""

    store: Store
    answered: Answering
    rows: Tensor
    """Of the calibration split."""
    held: LayerTexts
    """The texts of these rows."""

    @cached_property
    def parts(self) -> tuple[LayerTexts, LayerTexts]:
        """Validation and calibration texts."""
        return self._texts("validation"), self._texts("calibration")

    def _texts(self, split: str) -> LayerTexts:
        rows = self.store.sample(split, MOST_ANSWERED)
        return self.answered(self.held if torch.equal(rows, self.rows) else texts_of(self.store, rows), rows)


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
