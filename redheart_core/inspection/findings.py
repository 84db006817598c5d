"""Frozen value types of a look at a data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from redheart_core.data.data_warning import DataWarning
from redheart_core.data.disk_use import DiskUse
from redheart_core.data.division import ClusterReport
from redheart_core.storage.sealed import SealedFile
from redheart_core.storage.structuring import unstructure


@attrs.frozen
class Grid:
    """Values that were rounded to the multiples of a step, counted from the smallest value."""

    step: float
    error: float
    """step / sqrt(12): root mean squared error of the rounding alone; no prediction can be better on such labels."""


@attrs.frozen
class VoteNoise:
    """What the disagreement of the voters allows on validation (Lourie et al. 2021)."""

    entropy: float
    """Nats: mean entropy of the votes, the least soft cross-entropy of all."""
    cross_entropy: float
    """Nats: least expected soft cross-entropy of one who knows each record's true shares, and not how votes fell."""
    macro_f1: float
    """The macro-F1 of the same."""
    macro_f1_sd: float


@attrs.frozen
class LabelFigures:
    """One label of a field, or the field itself if it has none.

    Numbers along axes are taken together, votes as shares of a record's votes. Everything but the counts per split
    is of the train split, and None where it has no number.
    """

    label: str
    coverage: Mapping[str, int]
    """Records with a number, per split."""
    holding: Mapping[str, int]
    """Records with a number that is not 0, per split."""
    mean: float | None
    standard_deviation: float | None
    """Of the numbers there are, divided by their count."""
    distinct: int
    entropy: float | None
    """Bits, of the histogram over the distinct values, or over bins of equal width."""
    bins: int
    """How many bins the histogram has; 0 if it is over the distinct values."""
    imbalance: float | None
    """0/1 labels: share of ones. Votes and distributions: share of records in which the label is the largest, the
    first of equal ones. Values: share of the most frequent one."""
    grid: Grid | None
    """None if the values lie on no grid, and for labels of 0 and 1 and votes, which are not rounded."""


@attrs.frozen
class BaselineFigure:
    """A metric of the two predictors that everything has to beat, on validation."""

    metric: str
    direction: str
    constant: float | None
    """None where the metric is undefined, as the note on the baselines says."""
    linear: float | None


@attrs.frozen
class FieldInspection:
    """One field."""

    name: str
    kind: str
    """"labels" (0 or 1), "votes", "distribution" or "values"."""
    numbers: int
    """Per record."""
    coverage: Mapping[str, int]
    """Records with at least one number, per split."""
    labels: tuple[LabelFigures, ...]
    class_entropy: float | None
    """Bits: entropy of which label is the largest in a training record; None for labels of 0 and 1 and for values."""
    votes: VoteNoise | None
    noise: str
    """How the noise floor is known, or why it is not."""
    baselines: tuple[BaselineFigure, ...]
    baselines_note: str
    """Labels that the figures leave out, or why there are none; empty if all is well."""


@attrs.frozen
class DuplicateExample:
    """Two records of a set of near-duplicates."""

    ids: tuple[str, ...]
    splits: tuple[str, ...]
    texts: tuple[str, ...]
    """Shortened."""


@attrs.frozen
class Duplicates:
    """Sets of near-duplicate texts, as redheart_core.data.near_duplicates finds them."""

    sets: int
    records: int
    largest: int
    within: Mapping[str, int]
    """Sets whose records are all in one split, per split; "excluded" counts as one."""
    across: int
    """Sets in more than one split."""
    leaking: int
    """Sets in more than one of the splits that are used, which division keeps at 0."""
    examples: tuple[DuplicateExample, ...]
    clusters: tuple[ClusterReport, ...]
    """The largest sets, the largest first."""


@attrs.frozen
class Inspection:
    """What a data set is like before anything is trained on it."""

    dataset: str
    fingerprint: str
    """Of the store."""
    counts: Mapping[str, int]
    """Records per split, and how many were excluded."""
    wanted: Mapping[str, float]
    """Records per split by the rule of division, if no texts were near-duplicates."""
    fields: tuple[FieldInspection, ...]
    duplicates: Duplicates
    disk: DiskUse
    warnings: tuple[DataWarning, ...]
    encoder: str = ""
    """Empty of records without texts."""
    tokenizers: tuple[str, ...] = ()
    languages: Mapping[str, int] = attrs.field(factory=dict)
    """Code to records that state it, the most frequent one first; "" of those that state none."""

    def to_json(self) -> dict[str, Any]:
        """As in inspection.json."""
        table: dict[str, Any] = unstructure(self)
        return table


INSPECTION = SealedFile(Inspection, "inspection", 3, "run redheart data inspect again")
