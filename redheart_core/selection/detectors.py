"""Which epoch a group's validation losses point at: rules that may abstain, and their vote."""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs
import numpy as np

from redheart_core.contract.errors import DataError
from redheart_core.exact import trend
from redheart_core.exact.numbers import FloatArray, finite
from redheart_core.selection.names import NAMES

SIGNIFICANCE = 0.05
"""Two-sided; the p-values are too small for autocorrelated curves, so no rule rests on a trend test alone."""


@attrs.frozen
class Terms:
    """How reasons speak of a curve: of losses, or of returns, which agents have in place of them."""

    worth: str
    best: str
    """What the best one is among all."""
    gains: str
    """What a curve does that gets better."""
    loses: str
    sign: int
    """Of the shown number, beside the loss."""


LOSSES = Terms("loss", "lowest", "fall", "rise", 1)
RETURNS = Terms("return", "highest", "rise", "fall", -1)
"""Their losses are returns with the sign changed."""


@attrs.frozen(eq=False)
class ValidationCurve:
    """One group's validation losses at its epochs on disk; the detectors get no other losses.

    Raises:
        DataError: A number is missing or not finite, the shapes disagree, or there is no record.
    """

    group: str
    epochs: tuple[int, ...]
    """Ascending."""
    losses: FloatArray
    """(E,) as recorded."""
    records: FloatArray
    """(E, N) record by record, or cluster by cluster of near-duplicates; their means are the losses."""
    terms: Terms = LOSSES

    def __attrs_post_init__(self) -> None:
        name, steps = f"validation losses of group '{self.group}'", len(self.epochs)
        if not steps or list(self.epochs) != sorted(set(self.epochs)):
            raise DataError(f"{name} need ascending epochs, got {self.epochs}; sort them, each epoch once")
        finite(name, self.losses, "train the group again")
        finite(f"{name}, record by record,", self.records, "train the group again")
        if self.losses.shape != (steps,) or self.records.ndim != 2 or len(self.records) != steps:
            raise DataError(
                f"{name} need one loss and one row of records per epoch ({steps}), got the shapes "
                f"{self.losses.shape} and {self.records.shape}"
            )
        if not self.records.shape[1]:
            raise DataError(f"{name} come from no validation record; train the group again")
        if not np.allclose(self.records.mean(1), self.losses, rtol=1e-9, atol=1e-12):
            raise DataError(f"{name} are not the means of its records; train the group again")

    @property
    def best(self) -> int:
        """The place of the lowest loss, the earliest of equals."""
        return int(self.losses.argmin())

    @property
    def obstacle(self) -> str:
        """Why only the lowest loss can be named; empty if the curve says more."""
        if self.records.shape[1] == 1:
            return "one validation record, or cluster of near-duplicates, has no standard error"
        if len(self.epochs) > 1 and np.ptp(self.losses) == 0:
            same = f"the {self.terms.worth} is {self.shown(0, 'g')} at all {len(self.epochs)} epochs"
            return f"{same}; check that {'the targets' if self.terms is LOSSES else 'what agents do'} can vary"
        return ""

    def shown(self, place: int, style: str) -> str:
        """The loss or return at a place."""
        return format(float(self.losses[place]) * self.terms.sign, style)

    @property
    def missing(self) -> tuple[int, ...]:
        """Epochs up to the last one that are not on disk; a group need not have an epoch 0."""
        return tuple(sorted(set(range(1, self.epochs[-1] + 1)) - set(self.epochs)))

    def require_every_epoch(self) -> None:
        """Refuse a curve with gaps, whose shape is not known.

        Raises:
            DataError: Epochs are missing.
        """
        if self.missing:
            raise DataError(
                f"the shape of the curve of group '{self.group}' needs every epoch, but {_listed(self.missing)} "
                "not on disk; train with --set training.keep_epochs=0"
            )


@attrs.frozen
class Detection:
    """What a detector says."""

    epoch: int | None
    """None: it abstains."""
    reason: str
    """Why this epoch, or why none."""


def best(curve: ValidationCurve) -> Detection:
    """The lowest loss, the earliest of equals; never abstains."""
    measured = "validation loss" if curve.terms is LOSSES else "mean return"
    return Detection(curve.epochs[curve.best], f"{curve.terms.best} {measured}, {curve.shown(curve.best, '.5f')}")


def one_standard_error(curve: ValidationCurve, *, paired: bool = True) -> Detection:
    """The earliest epoch that is not worse than the best one by more than a standard error.

    Args:
        curve: Its records take the place of seeds.
        paired: Test the differences to the best epoch record by record, otherwise by the error of the best loss.
    """
    found = trend.one_standard_error(curve.records.T, paired=paired)
    excess = found.means[found.choice] - found.means[found.best]
    if found.choice == found.best:
        return Detection(curve.epochs[found.best], "no earlier epoch is within a standard error of the best one")
    return Detection(
        curve.epochs[found.choice],
        f"{excess:.5f} {'above' if curve.terms is LOSSES else 'below'} epoch {curve.epochs[found.best]}, within the "
        f"standard error {found.error:.5f}",
    )


def plateau(curve: ValidationCurve, relative_tolerance: float = 0.05, least_epochs: int = 5) -> Detection:
    """The first epoch of the plateau: the longest run of epochs that is flat, at the bottom, and without a trend.

    Flat is an effect size: the run's range is at most relative_tolerance (0..1) of the range of the whole curve.
    The trend is that of Mann-Kendall, corrected for ties, over the whole run.

    Raises:
        DataError: Epochs are missing.
    """
    curve.require_every_epoch()
    losses, spread, terms = curve.losses, float(np.ptp(curve.losses)), curve.terms
    window = trend.find_plateau(losses, relative_tolerance, least_epochs)
    if window is None:
        return Detection(
            None, f"no {least_epochs} epochs in a row stay within {relative_tolerance:.0%} of the curve's range"
        )
    inside = losses[window.first : window.last + 1]
    test = trend.mann_kendall(inside)
    where = f"epochs {curve.epochs[window.first]} to {curve.epochs[window.last]}"
    flat = f"{where} stay within {_share(np.ptp(inside), spread)} of the curve's range"
    if inside.min() > losses.min() + relative_tolerance * spread:
        better = f"the {terms.worth} is {'lower' if terms is LOSSES else 'higher'} at epoch {curve.epochs[curve.best]}"
        return Detection(None, f"{flat}, but {better}")
    if _p(test) < SIGNIFICANCE:
        direction = terms.loses if test.score > 0 else terms.gains
        return Detection(None, f"{flat}, but {direction} steadily ({_words(test, terms)})")
    return Detection(curve.epochs[window.first], f"{flat}, without a trend ({_words(test, terms)})")


def knee(curve: ValidationCurve, sensitivity: float = 1.0) -> Detection:
    """Where the fall to the lowest loss bends most (Kneedle, convex decreasing), if it is a fall beyond chance.

    It has to be a trend (Mann-Kendall from the first epoch to the lowest one) and, record by record, more than 1.96
    standard errors of the mean difference between the two.

    Raises:
        DataError: Epochs are missing.
    """
    curve.require_every_epoch()
    end, terms = curve.best + 1, curve.terms
    if end < 3:
        return Detection(None, f"the {terms.worth} is {terms.best} at epoch {curve.epochs[curve.best]} already")
    test = trend.mann_kendall(curve.losses[:end])
    if test.score >= 0 or _p(test) >= SIGNIFICANCE:
        return Detection(
            None,
            f"up to epoch {curve.epochs[end - 1]} the {terms.worth} does not {terms.gains} beyond chance "
            f"({_words(test, terms)})",
        )
    fall, error = _mean_and_error(curve.records[0] - curve.records[curve.best])
    if fall <= 1.96 * error:
        return Detection(
            None, f"the {terms.gains} by {fall:.5f} is within the noise of the records (standard error {error:.5f})"
        )
    found = trend.kneedle(curve.epochs[:end], curve.losses[:end], sensitivity=sensitivity)
    if found is None:
        return Detection(None, f"the {terms.worth} {terms.gains}s evenly to epoch {curve.epochs[end - 1]}")
    return Detection(
        curve.epochs[found.index],
        f"the {terms.gains} to epoch {curve.epochs[end - 1]} bends there, {found.difference:.2f} "
        f"{'below' if terms is LOSSES else 'above'} its chord",
    )


def overfit_onset(curve: ValidationCurve, half_width: int = 1) -> Detection:
    """The lowest epoch of the smoothed curve, if the validation loss rises for good after it.

    The rise has to be a trend (Mann-Kendall from that epoch to the last one) and, record by record, more than 1.96
    standard errors of the mean difference between the later epochs and that one.

    Args:
        curve: Without gaps.
        half_width: Of the centred mean that smooths, in epochs.

    Raises:
        DataError: Epochs are missing.
    """
    curve.require_every_epoch()
    turn, terms = trend.smoothed_argmin(curve.losses, half_width).index, curve.terms
    if turn >= len(curve.epochs) - 1:
        return Detection(None, f"the smoothed {terms.worth} is {terms.best} at the last epoch")
    test = trend.mann_kendall(curve.losses[turn:])
    if test.score <= 0 or _p(test) >= SIGNIFICANCE:
        return Detection(
            None,
            f"after epoch {curve.epochs[turn]} the {terms.worth} does not {terms.loses} beyond chance "
            f"({_words(test, terms)})",
        )
    rise, error = _mean_and_error(curve.records[turn + 1 :].mean(0) - curve.records[turn])
    says = f"after epoch {curve.epochs[turn]} the {terms.worth} {terms.loses}s by {rise:.5f} on average"
    if rise <= 1.96 * error:
        return Detection(None, f"{says}, within the noise of the records (standard error {error:.5f})")
    return Detection(curve.epochs[turn], f"{says} (standard error {error:.5f}; {_words(test, terms)})")


def vote(detections: Mapping[str, Detection], tolerance: int = 1) -> Detection:
    """The epoch that more than half of the detectors which name one are within `tolerance` epochs of.

    Of several such epochs the one with most votes, then the least total distance to them, then the earliest.
    Abstains if fewer than two detectors name an epoch, or without a majority.
    """
    votes = {NAMES[name]: found.epoch for name, found in detections.items() if found.epoch is not None}
    listed = ", ".join(f"{name} {epoch}" for name, epoch in votes.items())
    if len(votes) < 2:
        return Detection(None, f"it takes two detectors that name an epoch, got {listed or 'none'}")

    def distances(candidate: int) -> list[int]:
        return [abs(epoch - candidate) for epoch in votes.values() if abs(epoch - candidate) <= tolerance]

    winner = min(votes.values(), key=lambda epoch: (-len(distances(epoch)), sum(distances(epoch)), epoch))
    agreeing, nearness = len(distances(winner)), f"within {tolerance} epoch{'' if tolerance == 1 else 's'}"
    if 2 * agreeing <= len(votes):
        return Detection(None, f"no majority {nearness}: {listed}")
    return Detection(winner, f"{agreeing} of {len(votes)} {nearness}: {listed}")


def detect(curve: ValidationCurve) -> dict[str, Detection]:
    """What every detector says of a curve with its default settings, and their vote.

    Those that look at the shape abstain if retention has removed epochs; all but the lowest loss abstain on one record
    or a constant loss.
    """
    if curve.obstacle:
        return {name: best(curve) if name == "best" else Detection(None, curve.obstacle) for name in NAMES}
    found = {"best": best(curve), "one_se": one_standard_error(curve)}
    for name, detector in (("plateau", plateau), ("knee", knee), ("onset", overfit_onset)):
        gap = f"it needs every epoch, but {_listed(curve.missing)} not on disk (training.keep_epochs)"
        found[name] = Detection(None, gap) if curve.missing else detector(curve)
    return {**found, "vote": vote(found)}


def _mean_and_error(differences: FloatArray) -> tuple[float, float]:
    return float(differences.mean()), float(differences.std(ddof=1)) / math.sqrt(len(differences))


def _p(test: trend.Trend) -> float:
    return test.p if test.exact_p is None else test.exact_p


def _words(test: trend.Trend, terms: Terms) -> str:
    return f"Mann-Kendall z {terms.sign * test.z + 0.0:.2f}, p {_p(test):.2g}"


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else "0.0%"


def _listed(epochs: tuple[int, ...]) -> str:
    if len(epochs) == 1:
        return f"epoch {epochs[0]} is"
    shown = [str(epoch) for epoch in epochs[:5]]
    return f"epochs {', '.join(shown)}{', ...' if len(epochs) > 5 else ''} are"
