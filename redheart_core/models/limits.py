"""Layers of verification of a model: their limits, and what each says of a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core.contract.errors import CheckpointError, PluginError
from redheart_core.contract.layers import LayerSpec, LayerTexts
from redheart_core.exact.conformal import conformal_rank
from redheart_core.groups.plugin_calls import naming
from redheart_core.models.manifest import CALIBRATION_FOLDER
from redheart_core.storage.files import load_tensors
from redheart_core.storage.sealed import SealedFile

LIMITS_FILE = f"{CALIBRATION_FOLDER}/limits.json"


@attrs.frozen
class ActiveLayer:
    """A layer of an installed package."""

    spec: LayerSpec
    distribution: str
    version: str


@attrs.frozen
class LayerLimits:
    """From which scores on a layer finds that a text is beyond what is usual."""

    layer: str
    distribution: str
    version: str
    share: float
    """Of the calibration texts of each language at most so many are beyond."""
    everywhere: float | None
    """The limit over all languages; None if the calibration texts are too few for one, so that nothing is beyond."""
    languages: Mapping[str, float]
    """Code to the limit in a language that has enough calibration texts."""

    def limit(self, code: str) -> float | None:
        """That of a text's language; of all where the language has too few calibration texts."""
        return self.languages.get(code, self.everywhere)


@attrs.frozen
class Limits:
    """limits.json: the layers that a model was assembled with."""

    layers: tuple[LayerLimits, ...]
    beyond: Mapping[str, float]
    """Language to the share of its calibration texts that any layer of the kind "limit" finds beyond."""


LIMITS = SealedFile(Limits, "limits", 1, "restore it from a copy, or assemble the model again with redheart crossover")


@attrs.frozen
class Reading:
    """What a layer says of a text."""

    layer: str
    score: float | None
    """The higher, the more there is against the answers; None where the layer has nothing to say."""
    limit: float | None
    """The highest score that is usual in the text's language; None if too few calibration texts say one."""
    reason: str
    """What is wrong; empty if nothing is."""
    remedy: str
    """What would help; empty if nothing is wrong or nothing is known to."""
    notes: Mapping[str, Sequence[str]] = attrs.field(factory=dict)
    """What the layer has found in a text that is beyond, for people: heading to names or short sentences."""

    @property
    def beyond(self) -> bool:
        """Whether the score is above the limit."""
        return bool(self.reason)

    @property
    def words(self) -> str:
        """The notes on one line; the reason without any."""
        found = [*(f"{head} {', '.join(said)}".strip() for head, said in self.notes.items())]
        return f"{self.reason}: {'; '.join(found)}" if found else self.reason


@attrs.frozen(eq=False)
class LoadedLayer:
    """A layer of a model, ready to read texts."""

    spec: LayerSpec
    limits: LayerLimits
    arrays: Mapping[str, NDArray[Any]]

    def read(self, texts: LayerTexts) -> list[Reading]:
        """What it says of each text.

        Raises:
            PluginError: The layer fails.
        """
        scores = score_texts(self.spec, self.arrays, texts).tolist()
        found = [self._reading(score, code) for score, code in zip(scores, texts.languages, strict=True)]
        if self.spec.notes is None or not any(one.beyond for one in found):
            return found
        said = notes_of_texts(self.spec, self.arrays, texts)
        return [attrs.evolve(one, notes=notes) if one.beyond else one for one, notes in zip(found, said, strict=True)]

    def _reading(self, score: float, code: str) -> Reading:
        limit = self.limits.limit(code)
        if np.isnan(score):
            return Reading(self.spec.name, None, limit, "", "")
        if limit is None or score <= limit:
            return Reading(self.spec.name, score, limit, "", "")
        with naming(self.spec.name, "reason"):
            reason = self.spec.reason.format(score=score, limit=limit)
        return Reading(self.spec.name, score, limit, reason, self.spec.remedy)


def texts_wanted(layers: Sequence[LoadedLayer]) -> int | None:
    """How many calibration texts a model would need that has limits and knows none of them, as it had too few.

    None where a limit is known, so that texts unlike the training data are refused, and of a model without limits.
    """
    found = [layer.limits for layer in layers if layer.spec.kind == "limit"]
    if not found or any(one.everywhere is not None or one.languages for one in found):
        return None
    share = max(one.share for one in found)
    return next(texts for texts in count(1) if conformal_rank(texts, share) <= texts)


def score_texts(spec: LayerSpec, arrays: Mapping[str, NDArray[Any]], texts: LayerTexts) -> NDArray[Any]:
    """The scores of a layer, (N,), NaN where it has nothing to say.

    Raises:
        PluginError: The layer fails, or gives something else.
    """
    with naming(spec.name, "score"):
        scores = spec.score(arrays, texts)
    expected = (len(texts.texts),)
    if not isinstance(scores, np.ndarray) or scores.shape != expected or np.isinf(scores).any():
        raise PluginError(f"plugin '{spec.name}' has to give {expected} scores that are finite or NaN, gave {scores!r}")
    return scores.astype(np.float64)


def notes_of_texts(
    spec: LayerSpec, arrays: Mapping[str, NDArray[Any]], texts: LayerTexts
) -> list[dict[str, tuple[str, ...]]]:
    """What a layer that has notes has found in each of N texts.

    Raises:
        PluginError: The layer fails, or gives something else.
    """
    assert spec.notes is not None
    with naming(spec.name, "notes"):
        found = [{head: tuple(said) for head, said in notes.items()} for notes in spec.notes(arrays, texts)]
    strings = all(isinstance(one, str) for notes in found for head, said in notes.items() for one in (head, *said))
    if len(found) != len(texts.texts) or not strings:
        raise PluginError(
            f"plugin '{spec.name}' has to give notes for each of {len(texts.texts)} texts, heading to strings, "
            f"gave {found!r:.200}"
        )
    return found


def read_limits(
    folder: Path, files: Mapping[str, str], layers: Sequence[ActiveLayer], broken: Mapping[str, str]
) -> tuple[LoadedLayer, ...]:
    """The layers of a model whose manifest names these files; none of one that was assembled without.

    Raises:
        PluginError: A layer cannot be used.
        CheckpointError: A file is missing or damaged, or a layer is not installed.
    """
    if LIMITS_FILE not in files:
        return ()
    installed, loaded = {one.spec.name: one.spec for one in layers}, []
    for limits in LIMITS.read(folder / LIMITS_FILE).layers:
        reason = broken.get(limits.layer, broken.get(limits.distribution)) if limits.layer not in installed else None
        if reason is not None:
            raise PluginError(f"{folder} was assembled with the layer '{limits.layer}', which cannot be used: {reason}")
        if limits.layer not in installed:
            raise CheckpointError(
                f"{folder} was assembled with the layer '{limits.layer}', which is not installed; "
                f"install {limits.distribution}=={limits.version} or assemble the model again"
            )
        file = arrays_file(limits.layer)
        tensors = load_tensors(folder / file, files[file]) if file in files else {}
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        loaded.append(LoadedLayer(installed[limits.layer], limits, arrays))
    return tuple(loaded)


def contexts_of(layers: Sequence[ActiveLayer]) -> tuple[LayerSpec, ...]:
    """The layers of context, which need no model."""
    return tuple(layer.spec for layer in layers if layer.spec.kind == "context")


def arrays_file(layer: str) -> str:
    """Where a model keeps what a layer was fitted to."""
    return f"{CALIBRATION_FOLDER}/{layer}.safetensors"
