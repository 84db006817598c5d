"""How quantile forecasts are learnt and evaluated: (N, H, Q, K) for H steps ahead, Q levels and K labels.

Figures also take a forecast without quantiles, (N, H, K), whose quantiles are all the same number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from redheart_core.contract.errors import UndefinedError
from redheart_core.nn.losses import Loss, present_mean

Figure = Callable[[Tensor, Tensor, Tensor], float]


def pinball_in(units: Sequence[float], levels: Sequence[float]) -> Loss:
    """Mean over levels of max(q e, (q - 1) e), e = (y - p) / u (Koenker and Bassett 1978): takes values (B, H, Q, K).

    Args:
        units: u > 0 of each label.
        levels: q of each quantile.
    """

    def loss(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
        filled = torch.where(present, target, 0.0) / target.new_tensor(units)
        errors = _tilted(prediction / prediction.new_tensor(units), filled, levels).mean(-2)
        return present_mean(errors, present)

    return loss


def weighted_quantile_loss(levels: Sequence[float]) -> Figure:
    """Twice the pinball loss summed over all numbers, relative to the sum of |y|, the mean over levels; 0 is perfect.

    The rho-risk of Salinas et al. 2020; of the one level 0.5 it is the weighted absolute percentage error.
    """

    def figure(prediction: Tensor, target: Tensor, present: Tensor) -> float:
        total = float(target[present].double().abs().sum())
        if total == 0.0:
            raise UndefinedError(f"the sum of |y| over {len(target)} records is 0, to which the loss would be relative")
        errors = _tilted(_with_levels(prediction, target), torch.where(present, target, 0.0), levels).mean(-2)
        return 2 * float(errors[present].double().sum()) / total

    return figure


def coverage_gap(nominal: float) -> Figure:
    """How far the share of numbers from the lowest to the highest quantile is from the nominal share; 0 is perfect."""

    def figure(prediction: Tensor, target: Tensor, present: Tensor) -> float:
        if not bool(present.any()):
            raise UndefinedError(f"none of {len(target)} records has a number")
        quantiles = _with_levels(prediction, target)
        inside = (target >= quantiles[..., 0, :]) & (target <= quantiles[..., -1, :])
        return abs(float(inside[present].double().mean()) - nominal)

    return figure


def _tilted(quantiles: Tensor, target: Tensor, levels: Sequence[float]) -> Tensor:
    q = quantiles.new_tensor(levels).unsqueeze(-1)
    errors = target.unsqueeze(-2) - quantiles
    return torch.maximum(q * errors, (q - 1) * errors)


def _with_levels(prediction: Tensor, target: Tensor) -> Tensor:
    return prediction.unsqueeze(-2) if prediction.dim() == target.dim() else prediction
