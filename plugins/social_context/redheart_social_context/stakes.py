"""What is at stake in a text, by the persons and matters that it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from redheart_core import LayerTexts
from redheart_social_context.lexicon import find

Named = Mapping[str, tuple[str, ...]]
_named: WeakKeyDictionary[LayerTexts, list[Named]] = WeakKeyDictionary()
"""What is named in texts, as long as these exist: core asks for scores and then for notes."""


def score(_: Mapping[str, NDArray[Any]], texts: LayerTexts) -> NDArray[Any]:
    """0; 1 with a vulnerable person or a grave matter; 2 with both."""
    found = _found(texts)
    return np.array([float(bool(one["vulnerable"])) + float(bool(one["matter"])) for one in found], np.float64)


def notes(_: Mapping[str, NDArray[Any]], texts: LayerTexts) -> list[Mapping[str, Sequence[str]]]:
    """Whom a text is about, the vulnerable first; what raises the stakes; and which Korean concepts it touches."""
    return [_note(one) for one in _found(texts)]


def _found(texts: LayerTexts) -> list[Named]:
    found = _named.get(texts)
    if found is None:
        found = [find(text, code) for text, code in zip(texts.texts, texts.languages, strict=True)]
        _named[texts] = found
    return found


def _note(found: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
    headings = {
        "about": (*found["vulnerable"], *found["person"]),
        "because of": (*found["vulnerable"], *found["matter"]),
        "culture": found["culture"],
    }
    return {heading: names for heading, names in headings.items() if names}
