"""What the test split says of the intervals, sets and probabilities of an answer, and of how sure it is."""

from __future__ import annotations

import attrs

COVERAGES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Shares of the records that are answered, the surest ones."""


@attrs.frozen
class Bin:
    """Predicted probabilities of 0/1 labels, or predicted shares, that are about the same."""

    count: int
    confidence: float
    """Their mean, 0..1."""
    correct: float
    """What came true, 0..1: how often the label is 1, or the mean share that it has."""


@attrs.frozen
class Covered:
    """How often the intervals or sets of a label hold its truth, beside what chance allows."""

    label: str
    calibration_records: int
    """Those that its limit rests on."""
    borrowed: str
    """Whose these are if not its own: "labels", "kinds" or "languages"."""
    records: int
    """Test records: those that have the label, or where it is 1."""
    held: int
    """Of these, whose interval or set holds the truth."""
    least: int
    most: int
    """Ends of the 95 % interval of the number held, where the wanted share is held. What is held has the beta-binomial
    law that follows from the number of calibration records (Vovk 2012); of borrowed limits the binomial law; of several
    kinds of text that of the sum."""
    chance: float
    """Probability that a label whose wanted share is held lies outside, at most .05."""

    @property
    def inside(self) -> bool:
        """Whether chance explains the number held."""
        return self.least <= self.held <= self.most


@attrs.frozen
class LabelError:
    """The expected calibration error of a label's probabilities."""

    label: str
    error: float
    by_chance: float | None
    """About what bins of so few records show of probabilities that are right; None of shares."""


@attrs.frozen
class Together:
    """Sets of all labels that are 0 or 1 together."""

    records: int
    """Test records that have a true label."""
    missed: float
    """Mean share of a record's true labels that its set misses; alpha is wanted at most."""
    error: float | None
    """Standard error of that mean over records; None with one."""
    size: float
    """Mean number of labels in a set."""


@attrs.frozen
class Track:
    """An answer along an axis for one record, a number for each place; None where there is none."""

    answer: tuple[float | None, ...]
    truth: tuple[float | None, ...]
    low: tuple[float | None, ...]
    """Ends of the intervals; None without a limit."""
    high: tuple[float | None, ...]


@attrs.frozen
class Along:
    """Answers of values along an axis, such as the steps of a forecast, for one label."""

    label: str
    unit: str
    errors: tuple[float | None, ...]
    """Mean absolute error at each place; None where no record has a truth."""
    tracks: tuple[Track, ...]
    """A few test records, from the first to the last."""
    covered: tuple[float | None, ...] = ()
    """Share of the truths that the intervals hold, at each place; None where there are no intervals."""
    widths: tuple[float | None, ...] = ()
    """Mean width of the intervals, likewise."""


@attrs.frozen
class CalibratedTask:
    """Whether the intervals, sets and probabilities of an answer hold in a language."""

    field: str
    plugin: str
    """Whose answer it is."""
    language: str
    """As the data set states it; "und" if it states none."""
    records: int
    alpha: float
    """Share that intervals and sets may miss."""
    cells: tuple[Covered, ...]
    """Of each label that has a limit, and test records to show whether it holds."""
    size: float | None
    """Mean width of the intervals, or mean number of labels in the sets that are made label by label."""
    together: Together | None
    """Of labels that are 0 or 1."""
    error_before: float | None
    """Expected calibration error of probabilities and shares as the plugin gives them; None of values."""
    error_after: float | None
    """The same at the temperature."""
    label_errors: tuple[LabelError, ...]
    """At the temperature, label by label; none of values."""
    reliability: tuple[Bin, ...]
    """Bins of all probabilities at the temperature, from low to high, without empty ones; none of values."""
    temperature: float | None
    """In the language; kinds of text have their own."""
    risks: tuple[float, ...]
    """Mean loss of the surest 50, 60, 70, 80, 90 and 100 % of the records; none of values whose calibration
    records are too few to say how large the loss is."""
    area: float | None
    """Under the risk-coverage curve, the mean of the mean losses (AURC)."""
    along: tuple[Along, ...] = ()
    """By label, of values with one axis."""
    clusters: int | None = None
    """Clusters that the records lie in, where these are fewer: chance allows more than it says, as it takes records as
    independent."""
    from_quantiles: bool = False
    """Whether the intervals are the quantiles of the plugin, which calibration moved, and not of one width."""

    @property
    def coverage(self) -> float | None:
        """How often the intervals hold the truth, or the sets the labels that are 1; mean over labels."""
        return sum(cell.held / cell.records for cell in self.cells) / len(self.cells) if self.cells else None

    @property
    def coverage_sentence(self) -> str:
        """What the intervals along an axis hold, for people; empty of others."""
        if not self.along or self.coverage is None:
            return ""
        made = "calibrated quantiles" if self.from_quantiles else "of one width at each step"
        often = f"{self.records} records with {len(self.cells)} numbers each"
        related = f"; not independent, as they lie in {self.clusters} blocks" if self.few_clusters else ""
        return (
            f"intervals of {self.field} ({self.plugin}, {made}) are to hold {1 - self.alpha:.0%} and hold "
            f"{self.coverage:.1%} of the numbers that came true ({often}{related})"
        )

    @property
    def few_clusters(self) -> bool:
        """Whether many records are not independent of others, so that chance allows more than it says."""
        return self.clusters is not None and self.clusters < 0.9 * self.records

    @property
    def outside(self) -> tuple[str, ...]:
        """Labels whose coverage chance does not explain."""
        return tuple(cell.label for cell in self.cells if not cell.inside)

    @property
    def outside_by_chance(self) -> float:
        """How many labels would lie outside if all limits hold."""
        return sum(cell.chance for cell in self.cells)

    @property
    def silence_helps(self) -> bool:
        """Whether leaving out the least sure raises the mean loss at no coverage of a curve; False without one."""
        return bool(self.risks) and all(risk <= self.risks[-1] for risk in self.risks)

    @property
    def worst_label(self) -> LabelError | None:
        """The label with the largest error beyond chance."""
        return max(self.label_errors, key=lambda one: one.error - (one.by_chance or 0.0), default=None)
