"""Which candidate of a study is taken, what that gains on records it was not chosen on, and which settings matter."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs
import numpy as np

from redheart_core.exact.bootstrap import interval
from redheart_core.exact.interval import Interval
from redheart_core.exact.numbers import FloatArray, IntArray
from redheart_core.selection.common_epoch import resample_curves, scale
from redheart_core.selection.detectors import ValidationCurve
from redheart_core.storage.runtime import generator
from redheart_core.tuning.candidates import OWN, Candidate
from redheart_core.tuning.changes import Value
from redheart_core.tuning.cost import Cost
from redheart_core.tuning.rates import Difference, difference
from redheart_core.tuning.studies import GroupStudy

Prefer = Literal["quality", "cost"]
ENOUGH = 10
"""Finished candidates from which anything is said of the settings."""
NOISE = 0.05
"""Probability from which an effect of a setting counts as chance."""


@attrs.frozen
class CandidateRow:
    """A candidate that came to its end."""

    number: int
    """From 0; -1 for the group's own settings."""
    loss: float
    """Lowest validation loss."""
    cost: Cost
    values: Mapping[str, Any]
    """By "kind.name.key"."""
    front: bool
    """No other one is as good in loss, arithmetic and memory, and better in one of them; costs that are within some 2 %
    of each other count as equal."""


@attrs.frozen
class SettingRow:
    """What the candidates say of a setting."""

    name: str
    """"kind.name.key"."""
    importance: float | None
    """Share of the variance of the loss over the space (fANOVA, Hutter et al. 2014); None if all losses are equal."""
    p: float | None
    """Probability of so strong a connection with the loss if there is none: by Spearman's rank correlation for numbers,
    by Kruskal and Wallis for choices; None where the setting took one value."""

    @property
    def matters(self) -> bool:
        """Whether a connection is beyond chance."""
        return self.p is not None and self.p <= NOISE


@attrs.frozen
class GroupChoice:
    """What the search found for one group."""

    group: str
    tier: int
    trials: int
    """Candidates that ended, in whichever way."""
    stopped_early: int
    failures: Mapping[int, str]
    """Candidates whose training failed, with the reason."""
    candidates: tuple[CandidateRow, ...]
    """The own settings first."""
    best: int
    """The candidate that validation points at; -1 for the own settings."""
    chosen: int
    """The candidate that is taken: the best, unless the corrected gain is none."""
    settings: Mapping[str, Any]
    """What the chosen one changes, as tables "groups" and "plugins"."""
    difference: Difference
    """The loss of the best one less that of the own settings, on the records that it was chosen on."""
    corrected: Interval
    """The same for records on which nothing was chosen: the rule of choice is applied to resamples of the validation
    records, and evaluated on those outside; 95 %."""
    rows: tuple[SettingRow, ...]
    """By importance; empty with fewer than 10 finished candidates."""

    @property
    def own(self) -> CandidateRow:
        return self.candidates[0]

    def candidate(self, number: int) -> CandidateRow:
        """The one of that number."""
        return next(one for one in self.candidates if one.number == number)


@attrs.frozen(eq=False)
class Judged:
    """A choice with what a mean over groups is computed from."""

    choice: GroupChoice
    chosen: Candidate
    draws: FloatArray
    """(R,) corrected gain on each resample, divided by the loss of the own settings."""


def choose(study: GroupStudy, trials: int, prefer: Prefer) -> Judged:
    """Choose among the first so many candidates of a study and the own settings.

    "quality" takes the lowest loss, the own settings of equals, and stays with the own settings where the corrected
    gain is not below 0. "cost" takes the least arithmetic, then memory, of those whose loss is within a standard error
    of the lowest one.

    Raises:
        DataError: There are fewer than two validation records.
    """
    own, found = study.own_candidate(), study.candidates(trials)
    every = [own, *found]
    records = np.stack([one.losses for one in every])
    order, slack = _rule(every, records, prefer)
    best = every[int(_first(records.mean(1)[None], order, slack)[0])]
    gained = difference(best.losses[None], own.losses[None])
    (part,) = resample_curves(
        [ValidationCurve(study.group.name, tuple(range(len(every))), records.mean(1), records)],
        generator(study.context.settings.seed, "search"),
    )
    picks = _first(part.inside, order, slack)
    apart = part.outside[np.arange(len(picks)), picks] - part.outside[:, 0]
    corrected = interval(float(apart.mean()), apart)
    chosen = best if prefer == "cost" or corrected.number < 0 else own
    failures = study.failures(trials)
    ended = sum(number < trials for number in study.finished())
    front = _front(every)
    choice = GroupChoice(
        group=study.group.name,
        tier=study.group.tier,
        trials=ended,
        stopped_early=ended - len(found) - len(failures),
        failures=failures,
        candidates=tuple(
            CandidateRow(one.number, one.loss, one.cost, one.values, at) for one, at in zip(every, front, strict=True)
        ),
        best=best.number,
        chosen=chosen.number,
        settings=chosen.settings,
        difference=gained,
        corrected=corrected,
        rows=_setting_rows(study, found),
    )
    kept = apart if chosen.number != OWN else np.zeros_like(apart)
    return Judged(choice, chosen, kept / scale(own.loss))


def mean_gain(judged: Sequence[Judged]) -> Interval:
    """The mean over groups of the corrected gain relative to the loss of the own settings; 95 %."""
    draws = np.mean([one.draws for one in judged], axis=0)
    return interval(float(draws.mean()), draws)


def _rule(every: Sequence[Candidate], records: FloatArray, prefer: Prefer) -> tuple[IntArray, FloatArray]:
    """The order in which candidates are preferred, and how far each may be from the lowest loss."""
    if prefer == "quality":
        return np.arange(len(every)), np.zeros(len(every))
    keys = [(one.cost.flops, one.cost.bytes, place) for place, one in enumerate(every)]
    lowest = records[[int(records.mean(1).argmin())]]
    slack = np.array([difference(row[None], lowest).error for row in records])
    return np.array([place for *_, place in sorted(keys)]), slack


def _first(losses: FloatArray, order: IntArray, slack: FloatArray) -> IntArray:
    """(R,) places of the first candidates in order that are near enough to the lowest of (R, K) losses."""
    near = losses <= losses.min(1, keepdims=True) + slack
    chosen: IntArray = order[near[:, order].argmax(1)]
    return chosen


def _front(every: Sequence[Candidate]) -> list[bool]:
    def step(cost: int) -> int:
        return round(math.log(max(cost, 1)) / math.log(1.02))

    figures = [(one.loss, step(one.cost.flops), step(one.cost.bytes)) for one in every]
    return [
        not any(other != mine and all(a <= b for a, b in zip(other, mine, strict=True)) for other in figures)
        for mine in figures
    ]


def _setting_rows(study: GroupStudy, found: Sequence[Candidate]) -> tuple[SettingRow, ...]:
    if len(found) < ENOUGH:
        return ()
    losses, names = [one.loss for one in found], [".".join(place) for place in study.space]
    shares = _importance(study, found) if len(set(losses)) > 1 else {}
    rows = [SettingRow(name, shares.get(name), _p([one.values[name] for one in found], losses)) for name in names]
    return tuple(sorted(rows, key=lambda row: (-(row.importance or 0.0), row.name)))


def _importance(study: GroupStudy, found: Sequence[Candidate]) -> dict[str, float]:
    """fANOVA over the candidates, which may be fewer than the study holds."""
    library, numbers = study.proposing.library, {one.number for one in found}
    part = library.create_study(direction="minimize")
    for number, trial in sorted(study.finished().items()):
        if number in numbers:
            part.add_trial(
                library.trial.create_trial(
                    value=trial.values[0], params=trial.params, distributions=trial.distributions
                )
            )
    evaluator = library.importance.FanovaImportanceEvaluator(seed=0)
    shares: dict[str, float] = library.importance.get_param_importances(part, evaluator=evaluator)
    return shares


def _p(values: Sequence[Value], losses: Sequence[float]) -> float | None:
    """The probability of so strong a connection by chance."""
    from scipy.stats import kruskal, spearmanr

    if len(set(values)) < 2 or len(set(losses)) < 2:
        return None
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values) and len(set(values)) > 3:
        return float(spearmanr(values, losses).pvalue)
    parts: dict[Value, list[float]] = {}
    for value, loss in zip(values, losses, strict=True):
        parts.setdefault(value, []).append(loss)
    return float(kruskal(*parts.values()).pvalue)
