"""Length: characters of a text beside those of the training texts in its language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redheart_core import LayerTexts


def fit(texts: LayerTexts) -> dict[str, NDArray[Any]]:
    """Mean and standard deviation of the logarithms of the lengths, by language; of all under "all"."""
    lengths, languages = _lengths(texts), np.array(texts.languages)
    of = {"all": np.ones(len(lengths), bool)} | {str(code): languages == code for code in sorted(set(texts.languages))}
    return {code: np.array([lengths[own].mean(), lengths[own].std() + 1e-3]) for code, own in of.items()}


def score(arrays: Mapping[str, NDArray[Any]], texts: LayerTexts) -> NDArray[Any]:
    """How many standard deviations a length is from the mean, on the logarithmic scale."""
    means, spreads = np.array([arrays.get(code, arrays["all"]) for code in texts.languages]).reshape(-1, 2).T
    return np.asarray(np.abs(_lengths(texts) - means) / spreads)


def _lengths(texts: LayerTexts) -> NDArray[Any]:
    return np.asarray(np.log([1.0 + len(text.strip()) for text in texts.texts]))
