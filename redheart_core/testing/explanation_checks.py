"""Checks of an explanation: it explains answers that are made up, on real texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core.contract.catalogue import CATALOGUE
from redheart_core.contract.explanations import ExplainedAnswer, ExplanationSpec
from redheart_core.contract.fields import Field
from redheart_core.models.explaining import reasons_of
from redheart_core.testing.plugin import NotApplicable, Plugin, require
from redheart_core.testing.sample import real_chunks

MOST_NUMBERS = 64
"""Of a field that is answered: signals and pictures are not."""
MEMBERS = 3
"""Of each answer."""


@attrs.frozen(eq=False)
class MadeUpText:
    """An ExplainedText of a model whose answers follow from a text's letters and nothing else."""

    text: str
    answers: Mapping[str, ExplainedAnswer]

    def of_texts(self, texts: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        """Numbers that are drawn with the text as the seed; NaN for one without a letter."""
        said = {name: [_drawn(answer.field, one) for one in texts] for name, answer in self.answers.items()}
        return {name: np.array(one).reshape(len(texts), len(self.answers[name].value)) for name, one in said.items()}

    def of_members(self, field: str, members: NDArray[np.float64]) -> NDArray[np.float64]:
        """Their mean."""
        return np.asarray(members.mean(1))


@attrs.frozen(eq=False)
class ExplanationSubject:
    """An explanation with texts that are answered."""

    plugin: Plugin
    spec: ExplanationSpec
    texts: Sequence[MadeUpText]


def made_up_texts() -> list[MadeUpText]:
    """A word, a sentence and longer texts, with answers on every field that has few enough numbers."""
    given = ["garden", "He burned my letter.", *real_chunks()[:3], " ".join(real_chunks()[:4])]
    fields = [one for one in CATALOGUE.values() if not one.text and len(one.elements) <= MOST_NUMBERS]
    return [MadeUpText(text, {one.name: _answer(one, text) for one in fields}) for text in given]


def check_reasons(subject: ExplanationSubject) -> None:
    """It explains some numbers, each as it is answered; the rows sum to the difference from the usual."""
    found = [reason for text in subject.texts for reason in reasons_of(subject.spec, text)]
    require(subject.plugin, bool(found), f"it explains nothing of {', '.join(subject.spec.fields) or 'any field'}")
    empty = sorted({one.field for one in found if not one.rows})
    require(subject.plugin, not empty, f"its reasons of {', '.join(empty)} have no rows")


def check_same_reasons_twice(subject: ExplanationSubject) -> None:
    """Equal texts give equal reasons."""
    for text in subject.texts:
        same = reasons_of(subject.spec, text) == reasons_of(subject.spec, text)
        require(subject.plugin, same, f"it gives other reasons the second time, of {text.text!r:.60}")


def check_missing_numbers(subject: ExplanationSubject) -> None:
    """Answers that are missing, not fused, without an interval or a usual number are no fault."""
    text = subject.texts[-1]
    if not text.answers:
        raise NotApplicable("no field is answered")
    bare = {name: _without(one, "between", "threshold", "usual") for name, one in text.answers.items()}
    alone = {name: attrs.evolve(one, members={}) for name, one in text.answers.items()}
    for answers in ({}, bare, alone, *({name: one} for name, one in text.answers.items())):
        reasons_of(subject.spec, attrs.evolve(text, answers=answers))


def _answer(field: Field, text: str) -> ExplainedAnswer:
    members = {f"member{number}.{field.name}": _drawn(field, f"{number} {text}") for number in range(MEMBERS)}
    value, usual = np.mean(list(members.values()), 0), _drawn(field, "usual")
    width = 0.1 * np.abs(_drawn(field, "width"))
    threshold = np.full_like(value, 0.5 if field.binary else np.nan)
    return ExplainedAnswer(field, value, usual, np.stack([value - width, value + width]), threshold, members)


def _drawn(field: Field, text: str) -> NDArray[np.float64]:
    """Numbers in a field's range that follow from a text."""
    if not any(char.isalpha() for char in text):
        return np.full(len(field.elements), np.nan)
    low, high = (0.0, 1.0) if field.counts else (max(field.low, -1e3), min(field.high, 1e3))
    found = low + (high - low) * _uniform(f"{field.name} {text}", len(field.elements))
    if field.simplex or field.counts:
        shares = found.reshape(-1, len(field.labels))
        found = (shares / shares.sum(1, keepdims=True)).reshape(-1)
    return found


@cache
def _uniform(seed: str, count: int) -> NDArray[np.float64]:
    """Numbers in [0, 1), the same ones for the same words; an explanation asks for most of them many times."""
    found = np.random.default_rng(list(sha256(seed.encode()).digest())).random(count)
    found.flags.writeable = False
    return found


def _without(answer: ExplainedAnswer, *names: str) -> ExplainedAnswer:
    return attrs.evolve(answer, **{name: np.full_like(getattr(answer, name), np.nan) for name in names})
