"""What the Kalman filter learns: the emotion, and to expect what it observes."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from redheart_core import BuildContext, LossTerm, Objective
from redheart_core.nn.losses import divergence
from redheart_core.nn.metrics import distribution_metrics
from redheart_kalman.model import KalmanFusion
from redheart_kalman.settings import KalmanSettings


def build(context: BuildContext) -> KalmanFusion:
    """The module for the data set's emotions."""
    settings: KalmanSettings = context.settings
    return KalmanFusion(len(context.labels("emotion")), settings.hidden)


def grown(_: KalmanSettings, larger: KalmanSettings) -> KalmanSettings:
    """A wider network that weighs the sensors."""
    return larger


def objective(context: BuildContext) -> Objective:
    """Divergence from the labelled distribution and the likelihood of both observations."""
    settings: KalmanSettings = context.settings

    def penalty(outputs: Mapping[str, Tensor]) -> Tensor:
        return settings.likelihood_weight * outputs["surprisal"].mean()

    return Objective(
        losses=(LossTerm("emotion_logits", "emotion", "logits", divergence),),
        metrics=distribution_metrics("emotion", "emotion"),
        penalty=penalty,
    )
