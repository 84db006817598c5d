"""What an analysis is made of: the outputs of plugins for a text, and the model's answers made from them."""

from __future__ import annotations

import attrs

from redheart_core.contract.fields import Field

NEAR = 1.0
"""Numbers less than so many standard deviations from the usual are as usual."""


@attrs.frozen
class LabelValue:
    """One number of a finding."""

    label: str
    value: float
    training_mean: float | None
    """Mean of the target over the training records that have it; None if none has."""
    deviations: float | None
    """(value - training_mean) / standard deviation of the target; None if that is 0 or unknown."""
    threshold: float | None = None
    """For labels that are 0 or 1: from which probability on the label counts as predicted, chosen on validation."""
    disagreement: float | None = None
    """Of an ensemble: standard deviation of the value over its members."""
    low: float | None = None
    """Of a calibrated answer that is a value or share: ends of the interval that holds the truth in 1 - alpha of all
    records; None where the calibration records are too few."""
    high: float | None = None
    in_set: bool | None = None
    """Of a calibrated answer that is 0 or 1: whether it may be 1. The set holds 1 - alpha of the labels that are; None
    where the calibration records are too few."""
    borrowed: str = ""
    """Whose calibration records stand in for its own, which are too few: those of all "labels" of the field in the
    language, or of the label in all "kinds" of text of the language or all "languages"; empty if they are its own."""


@attrs.frozen
class Finding:
    """One output of one plugin for one text."""

    plugin: str
    output: str
    field: str
    """The field whose labels name the numbers."""
    group: str
    epoch: int | None
    """The epoch that the plugin's checkpoint group was taken at; None for a calculator."""
    unit: str
    """Of the field; "1" if it has none, and for probabilities and shares."""
    values: tuple[LabelValue, ...]
    warning: str = ""
    """Why the numbers are not to be relied on; empty if nothing is known against them."""
    outer: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    """The lowest and the highest quantile that the plugin gives of each number; None if it gives none."""


@attrs.frozen
class Certainty:
    """What the calibration records say of an answer."""

    alpha: float
    """Share of intervals and sets that may miss the truth."""
    records: int
    """Calibration records that have the field, of the text's kind or in its language where there are some."""
    temperature: float | None
    """What the logits were divided by; None of values, and where records are too few."""
    leading: tuple[str, ...] | None = None
    """Labels of which one has the largest share in 1 - alpha of all records; None of fields without shares."""
    together: tuple[str, ...] | None = None
    """Of labels that are 0 or 1: a set that misses at most the share alpha of a text's labels, on average; None of
    other fields, and where the calibration records are too few."""
    reads_like: str = ""
    """The data set whose training texts the text reads like, and whose kind of calibration records these are; empty
    where they are those of a whole language."""
    measured_on: tuple[str, ...] = ()
    """The data sets that the calibration records in the text's language come from."""
    unlike: bool = False
    """Whether the text reads like none of these: nobody has measured how often the limits hold, and nothing is
    claimed."""


@attrs.frozen
class Answer:
    """What the model says on one field: one finding, and those that stand behind it."""

    field: str
    about: Field
    """Its meaning, labels and range."""
    finding: Finding
    """Of a fusion of the others, or of the node that is best on validation where no fusion gathers the field."""
    fused: bool
    values: tuple[LabelValue, ...]
    """Those of the finding, calibrated, the most telling first: probabilities from high to low, other numbers by how
    many deviations they are from the usual."""
    members: tuple[Finding, ...]
    """What was fused; or the other findings, which validation finds worse."""
    certainty: Certainty | None = None
    """None of an answer that is not calibrated: its values are those of the finding."""

    unsure: tuple[str, ...] = ()
    """Labels that are telling and not as sure as the stakes of the text want."""

    @property
    def telling(self) -> tuple[LabelValue, ...]:
        """What it claims: labels that are predicted, shares above the usual, numbers away from it; in their order."""
        if self.about.binary:
            return tuple(one for one in self.values if one.threshold is not None and one.value >= one.threshold)
        if self.about.simplex or self.about.counts:
            return tuple(one for one in self.values if one.deviations is None or one.deviations >= NEAR)
        return tuple(one for one in self.values if one.deviations is None or abs(one.deviations) >= NEAR)

    @property
    def origin(self) -> str:
        """Whose answer it is, for people."""
        if self.fused:
            return f"{self.finding.plugin} of {len(self.members)}"
        return f"{self.finding.plugin}, best of {1 + len(self.members)}" if self.members else self.finding.plugin
