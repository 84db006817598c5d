"""How sure an answer is, so that the least sure ones can be left out.

Probabilities have an uncertainty of their own, the entropy. A value has none: calibration records say how large the
loss usually is of answers like it, by a ridge regression on the answer's numbers and their squares. It stands in for
the entropy too where it orders calibration records better.
"""

from __future__ import annotations

import numpy as np
import torch

from redheart_core.contract.fields import Field
from redheart_core.exact.calibration import LEAST
from redheart_core.exact.numbers import FloatArray
from redheart_core.exact.selective import risk_coverage
from redheart_core.models.calibration import CalibrationPart, LossCurve
from redheart_core.nn.answer_losses import answer_losses
from redheart_core.nn.answers import kind_of

PENALTY = 0.01
"""Of the ridge regression, times the number of records; its columns have the deviation 1."""
FOLDS = 5
GAIN = 0.02
"""Share of the area under the risk-coverage curve of held-out records that the regression has to take off that of the
entropy to stand in for it."""
RECORDS_A_WEIGHT = 10
"""So many calibration records the regression needs for each of its weights."""


def confidence(field: Field, own: CalibrationPart, answers: FloatArray) -> FloatArray | None:
    """How sure each answer is, (N,); the higher, the surer. None of values for which no loss curve is known.

    Args:
        field: What is answered.
        own: What the calibration says of the answer in a language.
        answers: (N, L) as they are given, at their temperature.
    """
    if own.loss is not None:
        return -expected_losses(own.loss, answers)
    return None if kind_of(field) == "values" else -_entropies(field, answers)


def losses_of(field: Field, answers: FloatArray, truth: FloatArray) -> FloatArray:
    """The loss of each answer, (N,); NaN where there is no truth."""
    found: FloatArray = answer_losses(field, torch.from_numpy(answers), torch.from_numpy(truth)).numpy()
    return found


def fit_loss_curve(field: Field, answers: FloatArray, truth: FloatArray) -> LossCurve | None:
    """The expected loss by the numbers of an answer; None of too few records, and of probabilities whose entropy orders
    held-out records about as well.

    Args:
        field: What is answered.
        answers: (N, L) as they are given, at their temperature.
        truth: (N, L), NaN where missing.
    """
    losses = losses_of(field, answers, truth)
    known = ~np.isnan(losses)
    answers, losses = answers[known], losses[known]
    if len(losses) < RECORDS_A_WEIGHT * (1 + 2 * answers.shape[1]):
        return None
    if kind_of(field) != "values":
        folds, expected = np.arange(len(losses)) % FOLDS, np.empty(len(losses))
        for fold in range(FOLDS):
            held = folds == fold
            expected[held] = expected_losses(_fit(answers[~held], losses[~held]), answers[held])
        if _area(expected, losses) > (1.0 - GAIN) * _area(_entropies(field, answers), losses):
            return None
    return _fit(answers, losses)


def _fit(answers: FloatArray, losses: FloatArray) -> LossCurve:
    means, spread = answers.mean(0), answers.std(0)
    spread = np.where(spread > 0.0, spread, 1.0)
    columns = _columns(means, spread, answers)
    penalty = PENALTY * len(losses) * np.eye(columns.shape[1])
    penalty[0, 0] = 0.0  # not of the constant
    weights = np.linalg.solve(columns.T @ columns + penalty, columns.T @ losses)
    return LossCurve(tuple(means.tolist()), tuple(spread.tolist()), tuple(weights.tolist()))


def _area(expected: FloatArray, losses: FloatArray) -> float:
    """Under the risk-coverage curve, where the records with the least expected loss are answered first."""
    return float(risk_coverage(-expected, losses).mean())


def _entropies(field: Field, answers: FloatArray) -> FloatArray:
    """(N,) in nats; of labels that are 0 or 1 the mean over labels."""
    p = answers.clip(LEAST, 1.0 - LEAST)
    if field.binary:
        return np.asarray(-(p * np.log(p) + (1 - p) * np.log1p(-p)).mean(1))
    return np.asarray(-(p * np.log(p)).sum(1))


def expected_losses(curve: LossCurve, answers: FloatArray) -> FloatArray:
    """What answers (N, L) are expected to lose, (N,)."""
    return np.asarray(_columns(np.array(curve.means), np.array(curve.spread), answers) @ np.array(curve.weights))


def _columns(means: FloatArray, spread: FloatArray, answers: FloatArray) -> FloatArray:
    z = (answers - means) / spread
    return np.concatenate([np.ones((len(z), 1)), z, z * z], 1)
