"""Checks of a layer: it is fitted on some texts and scores others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core.contract.catalogue import CATALOGUE
from redheart_core.contract.layers import LayerAnswers, LayerSpec, LayerTexts
from redheart_core.models.limits import notes_of_texts
from redheart_core.testing.plugin import NotApplicable, Plugin, require
from redheart_core.testing.sample import real_chunks

MOST_BYTES = 500_000
"""Of the arrays that a layer leaves in a model."""
WIDTH = 32
"""Of the vectors on which a layer is tried."""
FIELDS = ("emotion", "goemotions", "votes", "regret", "bentham", "utility", "context_layers", "utility_horizons")
"""Of the answers on which a layer is tried."""
CASES = 5
"""Near each text."""


@attrs.frozen(eq=False)
class LayerSubject:
    """A layer with texts: real ones, with vectors and known shares that are made up."""

    plugin: Plugin
    spec: LayerSpec
    texts: LayerTexts


def layer_subject(plugin: Plugin, spec: LayerSpec) -> LayerSubject:
    """A layer with the chunks of the sample that redheart ships; one that sees answers has some that are made up."""
    chunks, draw = real_chunks(), np.random.default_rng(0)
    vectors = draw.normal(0, 1, (len(chunks), WIDTH)).astype(np.float32)
    known = draw.uniform(0.5, 1.0, (len(chunks), 2))
    languages = ["ko" if any("가" <= char <= "힣" for char in text) else "en" for text in chunks]
    texts = LayerTexts(list(chunks), languages, vectors, known)
    return LayerSubject(plugin, spec, texts if spec.kind in ("limit", "context") else with_answers(texts))


def with_answers(texts: LayerTexts) -> LayerTexts:
    """The texts with answers of three members on fields of each kind, and with the nearest cases."""
    draw, answers, size = np.random.default_rng(1), {}, len(texts.texts)
    for name in FIELDS:
        field = CATALOGUE[name]
        low, high = (0.0, 1.0) if field.counts else (field.low, field.high)
        drawn = draw.uniform(low, high, (3 + CASES, size, len(field.elements)))
        if field.simplex or field.counts:
            drawn /= drawn.sum(2, keepdims=True)
        members = {f"member{number}.{name}": drawn[number] for number in range(3)}
        answer = drawn[:3].mean(0)
        between = np.stack([answer - 0.1, answer + 0.1])
        answers[name] = LayerAnswers(field, answer, between, members, drawn[3:].transpose(1, 0, 2))
    return attrs.evolve(texts, answers=answers, distances=np.sort(draw.uniform(0.0, 1.0, (size, CASES)), 1))


def part_of(texts: LayerTexts, part: slice) -> LayerTexts:
    """Some of the texts."""
    return LayerTexts(
        texts.texts[part],
        texts.languages[part],
        texts.vectors[part],
        texts.known[part],
        {name: _part_of(answers, part) for name, answers in texts.answers.items()},
        {name: numbers[part] for name, numbers in texts.fields.items()},
        None if texts.distances is None else texts.distances[part],
    )


def _part_of(answers: LayerAnswers, part: slice) -> LayerAnswers:
    members = {name: numbers[part] for name, numbers in answers.members.items()}
    return LayerAnswers(answers.field, answers.answer[part], answers.between[:, part], members, answers.cases[part])


def check_fitting_twice(subject: LayerSubject) -> None:
    """Fitted twice on the same texts it leaves the same arrays of finite numbers, which are small."""
    if subject.spec.kind == "context":
        raise NotApplicable("a context is not fitted")
    first, second = subject.spec.fit(subject.texts), subject.spec.fit(subject.texts)
    for name, array in first.items():
        finite = array.dtype.kind in "iuf" and bool(np.isfinite(array).all())
        require(subject.plugin, finite, f"its array '{name}' has to hold finite numbers, got {array.dtype}")
    same = first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)
    require(subject.plugin, same, "fitted twice on the same texts it leaves other arrays; take a fixed seed")
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


def check_silent_answers(subject: LayerSubject) -> None:
    """A text of which some or all answers are missing, or without cases, is no fault either."""
    texts = subject.texts
    if not texts.answers:
        raise NotApplicable(f"a {subject.spec.kind} sees no answers")
    arrays = subject.spec.fit(texts)
    silent = {name: _silent(answers, slice(None)) for name, answers in texts.answers.items()}
    (first, one), *_ = texts.answers.items()
    mute = attrs.evolve(texts, answers={**texts.answers, first: _silent(one, slice(0, None, 2))})
    alone = {name: attrs.evolve(answers, cases=answers.cases[:, :0]) for name, answers in texts.answers.items()}
    for other in (attrs.evolve(texts, answers=silent), attrs.evolve(texts, answers={}), mute,
                  attrs.evolve(texts, answers=alone, distances=None)):  # fmt: skip
        _scores(subject, arrays, other)
        _scores(subject, subject.spec.fit(other), texts)
        if subject.spec.notes is not None:
            notes_of_texts(subject.spec, arrays, other)


def check_notes(subject: LayerSubject) -> None:
    """It has notes on each text, the same alone as among others: headings with names or short sentences."""
    if subject.spec.notes is None:
        raise NotApplicable("it has no notes")
    arrays, few = subject.spec.fit(subject.texts), part_of(subject.texts, slice(20))
    together = notes_of_texts(subject.spec, arrays, few)
    for number in range(len(few.texts)):
        (alone,) = notes_of_texts(subject.spec, arrays, part_of(few, slice(number, number + 1)))
        require(
            subject.plugin,
            alone == together[number],
            f"its notes on a text are {alone} alone, and else {together[number]}",
        )


def check_stakes(subject: LayerSubject) -> None:
    """A context gives stakes of 0, 1 or 2 for every text."""
    if subject.spec.kind != "context":
        raise NotApplicable("it is no context")
    found = sorted(set(_scores(subject, {}, subject.texts).tolist()))
    require(subject.plugin, set(found) <= {0.0, 1.0, 2.0}, f"the stakes of a text are 0, 1 or 2, got {found}")


def _silent(answers: LayerAnswers, rows: slice) -> LayerAnswers:
    """The same, with nothing said on some texts."""
    arrays = {"answer": answers.answer, **answers.members}
    mute = {name: one.copy() for name, one in arrays.items()}
    between = answers.between.copy()
    for one in (*mute.values(), *between):
        one[rows] = np.nan
    return attrs.evolve(answers, answer=mute.pop("answer"), between=between, members=mute)


def _scores(subject: LayerSubject, arrays: Mapping[str, NDArray[Any]], texts: LayerTexts) -> NDArray[Any]:
    found = subject.spec.score(arrays, texts)
    expected = isinstance(found, np.ndarray) and found.shape == (len(texts.texts),) and found.dtype.kind == "f"
    require(subject.plugin, expected, f"it has to give one score a text, ({len(texts.texts)},) floats")
    require(subject.plugin, not bool(np.isinf(found).any()), "it gives a score that is infinite; NaN says nothing")
    return found
