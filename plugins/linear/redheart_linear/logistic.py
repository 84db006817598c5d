"""Logistic regression with soft targets, all labels of a field at once, in two steps.

The first fit penalises the weights of all terms alike. In the second one those that the first found useful cost less,
so that few telling words count for more than many that say little: the prior deviation of a term's weights is taken
from those of the first fit (an empirical Bayes step as MacKay 1992; Candes, Wakin and Boyd 2008 weigh anew likewise).
"""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_linear.problems import Matrix, Problem, Records, Strength

PENALTIES = (8.0, 4.0, 2.0, 1.0, 0.5)
"""Of the terms, from strong to weak: each solution is a good beginning for the next one."""
SHARES = (1.0, 4.0, 0.25)
"""By how much the penalty of the dense numbers is divided; the first is that of the path of PENALTIES."""
FIRST = Strength(1.0, 1.0)
"""Of the first step."""
FIRST_TOLERANCE = 3e-5
"""Of the first step, of which sizes are wanted and not digits."""
SPREAD = 0.1
"""What every term keeps of the mean variance, however little it said in the first step."""


@attrs.frozen(eq=False)
class Choice:
    """The best of the strengths that were tried."""

    strength: Strength
    losses: dict[Strength, float]
    """Mean cross-entropy of a record of the first fold."""


def choose(records: Records, folds: NDArray[np.int64]) -> Choice:
    """The strength that is best on the records of fold 0 when those of the others are fitted.

    The penalty of the terms comes first, strong to weak until the loss rises; then that of the dense numbers beside
    it.

    Args:
        records: All that may be fitted on.
        folds: (N,), 0 among them and at least one more.

    Raises:
        DataError: A solution was not reached.
    """
    held = folds == 0
    steps, judge, losses = Steps.of(records.of(~held)), records.of(held), dict[Strength, float]()

    def attempt(strength: Strength, start: Matrix) -> Matrix:
        found = steps.second(strength, start)
        losses[strength] = judge.loss(judge.features.apply(found)) / len(judge)
        return found

    last, start = np.inf, steps.first
    for penalty in PENALTIES:
        start = attempt(strength := Strength(penalty, SHARES[0]), start)
        if losses[strength] >= last:
            break
        last = losses[strength]
    terms = min(losses, key=losses.__getitem__).terms
    for share in SHARES[1:]:
        start = attempt(strength := Strength(terms, share), start)
        if losses[strength] < last:  # what lies on the other side is worse, since the loss has one valley
            break
    return Choice(min(losses, key=losses.__getitem__), losses)


def out_of_fold(records: Records, folds: NDArray[np.int64], strength: Strength) -> Matrix:
    """What the fit on the other folds says of each record, (N, L)."""
    honest = np.empty(records.targets.shape)
    for fold in np.unique(folds):
        held = folds == fold
        found = fit(records.of(~held), strength)
        honest[held] = records.features.of(held).apply(found)
    return honest


def fit(records: Records, strength: Strength) -> Matrix:
    """The coefficients of both steps.

    Raises:
        DataError: A solution was not reached.
    """
    steps = Steps.of(records)
    return steps.second(strength, steps.first)


@attrs.frozen(eq=False)
class Steps:
    """A problem and its first step."""

    problem: Problem
    first: Matrix

    @classmethod
    def of(cls, records: Records) -> Steps:
        """Take the first step."""
        problem = Problem.of(records)
        return cls(problem, problem.solve(FIRST.penalties(records.features), records.prior(), FIRST_TOLERANCE))

    def second(self, strength: Strength, start: Matrix) -> Matrix:
        """The coefficients with the terms penalised by how little the first step used them."""
        terms = self.problem.terms
        size = np.sqrt(np.square(self.first[:terms]).mean(1))
        typical = np.sqrt(np.square(size).mean())
        variances = size / typical + SPREAD if typical > 0 else np.ones(terms)
        penalties = strength.penalties(self.problem.records.features)
        penalties[:terms] /= variances
        return self.problem.solve(penalties, start)
