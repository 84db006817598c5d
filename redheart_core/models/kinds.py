"""Which data set of its training a text reads like: kinds of text that have limits of their own.

A model that learnt from several data sets in a language, say comments and diaries, errs on each in
its own way, and one limit cannot hold nine of ten truths of both. What kind a text is of is guessed from the text
alone, so that limits that are made for each guess hold for it (Mondrian, Vovk et al. 2003), right or wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core.models.calibration import language_of
from redheart_core.models.manifest import CALIBRATION_FOLDER
from redheart_core.storage.files import load_tensors

KINDS_FILE = f"{CALIBRATION_FOLDER}/kinds.safetensors"
UNLIKELY = 0.001
"""A kind that is less probable than this, of all kinds of the language, is ruled out for a text."""
Vectors = NDArray[np.floating[Any]]


@attrs.frozen
class TextKind:
    """What a text reads like."""

    name: str
    """"language/data set", or its language alone where that has one kind."""
    ruled_out: frozenset[str] = frozenset()
    """Kinds of its language that it cannot well be of."""

    def is_unlike(self, measured: Collection[str]) -> bool:
        """Whether it is unlike all kinds that an answer was measured on; not if none is known."""
        return bool(measured) and self.ruled_out.issuperset(measured)


@attrs.frozen(eq=False, slots=False)
class Kinds:
    """What tells the data sets of each language apart."""

    directions: Mapping[str, Vectors] = attrs.field(factory=dict)
    """Kind, "language/data set", to (D + 1,): weights of a mean vector, and an offset. None of a language with one
    data set."""

    def of(self, languages: Sequence[str], vectors: Vectors) -> tuple[TextKind, ...]:
        """The kind of each of N texts.

        Args:
            languages: Of the texts.
            vectors: (N, D) mean vectors; a text whose vector is 0 is of no kind.
        """
        found = [TextKind(code) for code in languages]
        known = [bool(vector.any()) for vector in vectors]
        for code, (kinds, weights) in self._by_language.items():
            rows = np.flatnonzero([one == code and there for one, there in zip(languages, known, strict=True)])
            if len(rows):
                likeness = vectors[rows] @ weights[:, :-1].T + weights[:, -1]
                for row, one in zip(rows.tolist(), likeness, strict=True):
                    found[row] = _kind(kinds, one)
        return tuple(found)

    @cached_property
    def _by_language(self) -> Mapping[str, tuple[list[str], Vectors]]:
        kinds = dict[str, list[str]]()
        for kind in self.directions:
            kinds.setdefault(language_of(kind), []).append(kind)
        return {code: (own, np.stack([self.directions[kind] for kind in own])) for code, own in kinds.items()}


def _kind(kinds: Sequence[str], likeness: Vectors) -> TextKind:
    """The likeliest kind, by the logarithms of their likelihoods."""
    odds = np.exp(likeness - likeness.max())
    unlikely = odds < UNLIKELY * odds.sum()
    ruled_out = frozenset(kind for kind, out in zip(kinds, unlikely.tolist(), strict=True) if out)
    return TextKind(kinds[int(likeness.argmax())], ruled_out)


def read_kinds(folder: Path, files: Mapping[str, str]) -> Kinds:
    """Those of a model whose manifest names these files.

    Raises:
        CheckpointError: The file is missing or damaged.
    """
    if KINDS_FILE not in files:
        return Kinds()
    return Kinds({kind: one.numpy() for kind, one in load_tensors(folder / KINDS_FILE, files[KINDS_FILE]).items()})
