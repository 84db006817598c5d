"""What the calibration split says of a model's answers, kept with the model: temperatures, intervals and sets.

The records of the split are in no fit, no choice of an epoch and no threshold. Split conformal prediction makes of
their errors limits that hold with the probability 1 - ALPHA for a new record of the same kind (Vovk et al. 2005), by
label, language and kind of text (Mondrian, Vovk et al. 2003; redheart_core.models.kinds guesses the kind); conformal
risk control makes one set of a text's labels that misses at most the share ALPHA of those that are true, on average
(Angelopoulos et al. 2022).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import attrs
import numpy as np

from redheart_core.contract.fields import Field
from redheart_core.data.language import UNDETERMINED
from redheart_core.exact.calibration import tempered
from redheart_core.exact.numbers import FloatArray
from redheart_core.models.manifest import CALIBRATION_FOLDER
from redheart_core.storage.sealed import SealedFile

ALPHA = 0.1
"""Share of the intervals and sets that may miss the truth."""
LEAST_RECORDS = 30
"""A language with fewer calibration records takes the limits of all languages, and a value or share those of all
labels; a label that is 0 or 1 has its own limit, or is in every set where its records are too few for one. In a kind of
text a label with fewer takes the limit that it has in the language."""
LEAST_RECORDS_OF_A_KIND = 100
"""A kind of text with fewer has the limits of its language."""
SURENESS = (0.75, 0.85, 0.95)
"""How probable a claim has to be where stakes are usual, raised or high."""
ANSWERS_FILE = f"{CALIBRATION_FOLDER}/answers.json"


def language_of(kind: str) -> str:
    """The language of a kind of text, "language/data set"; of a language itself."""
    return kind.partition("/")[0]


def name_of(kind: str) -> str:
    """The data set of a kind of text; empty of a language itself."""
    return kind.partition("/")[2]


@attrs.frozen
class Cell:
    """What the calibration records say of a label in a language."""

    limit: float | None
    """Of values and shares half the width of the interval; of labels that are 0 or 1, and of the label with the largest
    share, the least probability with which it is in the set: 0 where nothing can be excluded. None if the records are
    too few to say anything."""
    records: int
    """How many the limit rests on."""
    borrowed: str = ""
    """Whose records these are if not its own: those of all "labels" in the language, or of the label in all "kinds" of
    text of the language, or in all "languages"."""
    widths: tuple[float | None, ...] = ()
    """Half the widths of intervals that hold the truth with the probabilities of SURENESS; None if the records are too
    few. Empty of a model that was assembled before there were any; not used of labels that are 0 or 1."""
    margin: float | None = None
    """Of a node that gives quantiles beside its answer: how far the interval goes beyond the lowest and the highest of
    them, below 0 if it ends before. None if the records are too few, and of all others."""

    def width(self, sureness: float) -> float | None:
        """Half the width of an interval that holds the truth with at least one of the probabilities of SURENESS."""
        if self.widths:
            return self.widths[SURENESS.index(sureness)]
        return self.limit if sureness <= 1.0 - ALPHA else None


@attrs.frozen
class LossCurve:
    """What an answer is expected to lose, by its numbers: weights of 1, of each number and of its square, after the
    means are taken off and the rest is divided by the spread."""

    means: tuple[float, ...]
    spread: tuple[float, ...]
    weights: tuple[float, ...]


@attrs.frozen
class CalibrationPart:
    """What they say of an answer in a kind of text, in a language, or in all together."""

    records: int
    temperature: float | None
    """What the logits are divided by; None of values, and where records are too few."""
    cells: tuple[Cell, ...]
    """In the order of the field's elements."""
    leading: Cell | None = None
    """Of the label with the largest share, whichever it is; None of values and of labels that are 0 or 1."""
    together: Cell | None = None
    """Of all labels that are 0 or 1 together: the least probability with which one is in the set that misses at most
    the share alpha of a record's labels; None of other fields."""
    loss: LossCurve | None = None
    """How large the loss is of an answer; None where records are too few, and of probabilities whose entropy says it as
    well."""

    @cached_property
    def half_widths(self) -> FloatArray:
        """Half the widths of the intervals of values and shares, (L,); NaN where there are none."""
        return np.array([np.nan if cell.limit is None else cell.limit for cell in self.cells])

    @cached_property
    def margins(self) -> FloatArray:
        """By how much intervals go beyond the quantiles of a node, (L,); NaN where nothing is known of them."""
        return np.array([np.nan if cell.margin is None else cell.margin for cell in self.cells])


@attrs.frozen
class SourceCalibration:
    """What they say of a node's answer on a field."""

    plugin: str
    output: str
    field: str
    all_languages: CalibrationPart
    languages: Mapping[str, CalibrationPart]
    """By the codes that the data set states, UNDETERMINED for none."""
    kinds: Mapping[str, CalibrationPart] = attrs.field(factory=dict)
    """Of the kinds of text, "language/data set", with enough calibration records."""
    data_sets: tuple[str, ...] = ()
    """Kinds by where the calibration records come from, however few. Empty of a model that was assembled before there
    were any: those with limits of their own stand in."""

    def at(self, kind: str | None) -> CalibrationPart:
        """That of a kind of text, or of a language: of its language where the kind has too few calibration records, of
        all where the language has none.
        """
        kind = UNDETERMINED if kind is None else kind
        of_all = self.languages.get(UNDETERMINED, self.all_languages)
        return self.kinds.get(kind, self.languages.get(language_of(kind), of_all))

    def measured_kinds(self, kind: str | None) -> tuple[str, ...]:
        """Where the calibration records in the language of a kind of text come from, as kinds."""
        known = self.data_sets or self.kinds
        return tuple(one for one in known if kind is not None and language_of(one) == language_of(kind))


@attrs.frozen(slots=False)
class Calibration:
    """answers.json: what they say of a model."""

    alpha: float
    records: int
    """Of the calibration split."""
    sources: tuple[SourceCalibration, ...]

    def of(self, plugin: str, output: str, field: str) -> SourceCalibration | None:
        """That of a node's answer; None if no calibration record has the field and what the node needs."""
        return self._by_place.get((plugin, output, field))

    @cached_property
    def _by_place(self) -> Mapping[tuple[str, str, str], SourceCalibration]:
        return {(one.plugin, one.output, one.field): one for one in self.sources}


CALIBRATION = SealedFile(
    Calibration, "calibration", 1, "restore it from a copy, or assemble the model again with redheart crossover"
)


def read_calibration(folder: Path, files: Mapping[str, str]) -> Calibration | None:
    """That of a model whose manifest names these files; None of a model that was not calibrated.

    Raises:
        CheckpointError: The file is missing or damaged.
    """
    return CALIBRATION.read(folder / ANSWERS_FILE) if ANSWERS_FILE in files else None


def at_temperature(field: Field, answers: FloatArray, temperature: float | None) -> FloatArray:
    """Answers (N, L) as they are given: probabilities and shares at their temperature, values as they are."""
    if temperature is None:
        return answers
    if field.binary:
        return tempered(answers.clip(0.0, 1.0), temperature, binary=True)
    size = len(field.labels)
    return tempered(answers.clip(0.0, 1.0).reshape(-1, size), temperature).reshape(answers.shape)
