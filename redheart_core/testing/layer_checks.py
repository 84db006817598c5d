"""Checks of a layer: it is fitted on some texts and scores others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core.contract.layers import LayerSpec, LayerTexts
from redheart_core.testing.plugin import Plugin, require
from redheart_core.testing.sample import real_chunks

MOST_BYTES = 500_000
"""Of the arrays that a layer leaves in a model."""
WIDTH = 32
"""Of the vectors on which a layer is tried."""


@attrs.frozen(eq=False)
class LayerSubject:
    """A layer with texts: real ones, with vectors and known shares that are made up."""

    plugin: Plugin
    spec: LayerSpec
    texts: LayerTexts


def layer_subject(plugin: Plugin, spec: LayerSpec) -> LayerSubject:
    """A layer with the chunks of the sample that redheart ships."""
    chunks, draw = real_chunks(), np.random.default_rng(0)
    vectors = draw.normal(0, 1, (len(chunks), WIDTH)).astype(np.float32)
    known = draw.uniform(0.5, 1.0, (len(chunks), 2))
    languages = ["ko" if any("가" <= char <= "힣" for char in text) else "en" for text in chunks]
    return LayerSubject(plugin, spec, LayerTexts(list(chunks), languages, vectors, known))


def part_of(texts: LayerTexts, part: slice) -> LayerTexts:
    """Some of the texts."""
    return LayerTexts(texts.texts[part], texts.languages[part], texts.vectors[part], texts.known[part])


def check_fitting_twice(subject: LayerSubject) -> None:
    """Fitted twice on the same texts it leaves the same arrays of finite numbers, which are small."""
    first, second = subject.spec.fit(subject.texts), subject.spec.fit(subject.texts)
    same = first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)
    require(subject.plugin, same, "fitted twice on the same texts it leaves other arrays; take a fixed seed")
    for name, array in first.items():
        finite = array.dtype.kind in "iuf" and bool(np.isfinite(array).all())
        require(subject.plugin, finite, f"its array '{name}' has to hold finite numbers, got {array.dtype}")
    size = sum(array.nbytes for array in first.values())
    require(subject.plugin, size <= MOST_BYTES, f"its arrays take {size:,} bytes, {MOST_BYTES:,} are allowed")


def check_scores(subject: LayerSubject) -> None:
    """Each text has one score, alone as among others, whatever its language."""
    arrays = subject.spec.fit(subject.texts)
    few = part_of(subject.texts, slice(20))
    together = _scores(subject, arrays, few)
    for number in range(len(few.texts)):
        (alone,) = _scores(subject, arrays, part_of(few, slice(number, number + 1)))
        close = np.allclose(alone, together[number], rtol=1e-4, atol=1e-6, equal_nan=True)
        require(subject.plugin, close, f"a text's score is {alone:g} alone and {together[number]:g} among others")
    _scores(subject, arrays, attrs.evolve(few, languages=["de"] * len(few.texts)))


def check_without_terms(subject: LayerSubject) -> None:
    """A model without terms and a text without a vector are no fault; NaN stands for having nothing to say."""
    bare = attrs.evolve(subject.texts, known=np.full_like(subject.texts.known, np.nan))
    _scores(subject, subject.spec.fit(bare), bare)
    blank = attrs.evolve(subject.texts, vectors=np.zeros_like(subject.texts.vectors))
    _scores(subject, subject.spec.fit(subject.texts), blank)


def _scores(subject: LayerSubject, arrays: Mapping[str, NDArray[Any]], texts: LayerTexts) -> NDArray[Any]:
    found = subject.spec.score(arrays, texts)
    expected = isinstance(found, np.ndarray) and found.shape == (len(texts.texts),) and found.dtype.kind == "f"
    require(subject.plugin, expected, f"it has to give one score a text, ({len(texts.texts)},) floats")
    require(subject.plugin, not bool(np.isinf(found).any()), "it gives a score that is infinite; NaN says nothing")
    return found
