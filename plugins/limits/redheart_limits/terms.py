"""Known terms: pairs and triples of characters of words that the training texts made known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from redheart_core import LayerTexts


def fit(texts: LayerTexts) -> dict[str, NDArray[Any]]:
    """Nothing; the model's own terms say what is known."""
    return {}


def score(arrays: Mapping[str, NDArray[Any]], texts: LayerTexts) -> NDArray[Any]:
    """The share of the pairs and triples that are unknown; NaN where the model has no terms.

    They tell more than words: those of inflected Korean words are known where the words are not.
    """
    return 1.0 - texts.known[:, 1]
