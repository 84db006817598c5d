"""A Gaussian posterior of the regret from a learnt prior and several estimates of unequal trust."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from redheart_core.nn.growing import grow_chain, grow_linear, grow_own
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import band, mlp, trunk
from redheart_core.nn.losses import Loss

PRECISION = (1.0, 2500.0)
"""Range of one precision, 1 / variance: from knowing nothing of a number in 0..1 to a deviation of 0.02."""


class Posterior(nn.Module):
    """Prior and estimates multiplied as Gaussians, with precisions that depend on the record.

    The precision is the sum of all, the mean weighted by them: with E estimates it lies
    between the lowest and the highest of these, and the deviation in
    1 / sqrt((E + 1) 2500) .. 1 / sqrt(E + 1).

    Args:
        width: W of what is known of the record.
        estimates: E.
        past: H, what is known of the person's past, which shifts the prior; 0 for nothing.
        dropout: Share of activations dropped in training.
    """

    def __init__(self, width: int, estimates: int, past: int, dropout: float) -> None:
        super().__init__()
        two_thirds, four_thirds = width * 2 // 3, width * 4 // 3
        self.prior = nn.Parameter(torch.tensor([-1.0, 0.0]))
        self.shift = nn.Linear(past, 2, bias=False) if past else None
        self.deep = trunk(width + estimates, four_thirds, width, width, dropout=dropout)
        self.likelihood = mlp(width, width, two_thirds, width // 3, estimates, dropout=dropout)

    def forward(self, state: Tensor, estimates: Tensor, past: Tensor | None = None) -> Tensor:
        """(B, W), estimates in 0..1 (B, E) and the past (B, H) to mean and standard deviation, (B, 2)."""
        prior = self.prior.expand(state.shape[0], 2)
        if self.shift is not None:
            assert past is not None
            prior = prior + self.shift(past)
        known = self.deep(torch.cat([state, estimates], -1))
        precisions = band(torch.cat([prior[:, 1:], self.likelihood(known)], -1), *PRECISION)
        means = torch.cat([prior[:, :1].sigmoid(), estimates], -1)
        total = precisions.sum(-1)
        return torch.stack([(precisions * means).sum(-1) / total, total.rsqrt()], -1)

    def grow_from(self, smaller: Posterior, state: Axis, estimates: Axis, past: Axis | None) -> None:
        """Take over what a smaller one computes."""
        grow_own(self, smaller)
        if self.shift is not None:
            assert smaller.shift is not None
            assert past is not None
            grow_linear(self.shift, smaller.shift, past, Axis.same(self.shift.out_features))
        known = grow_chain(self.deep, smaller.deep, Axis.joined(state, estimates))
        grow_chain(self.likelihood, smaller.likelihood, known)


def smallest_deviation(estimates: int) -> float:
    """The standard deviation that a posterior of so many estimates cannot fall below."""
    return float(((estimates + 1) * PRECISION[1]) ** -0.5)


def gaussian_surprise(floor: float) -> Loss:
    """e^2 / (2 s^2) + ln(s / floor), e = y - mean: the negative log-likelihood but for a constant.

    Takes mean and deviation s >= floor (B, 2) for a target (B,). 0 is its best.
    """

    def loss(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
        mean, deviation = prediction.unbind(-1)
        return 0.5 * ((target - mean) / deviation).square() + (deviation / floor).log()

    return loss
