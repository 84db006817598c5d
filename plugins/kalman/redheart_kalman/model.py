"""Two observations of an emotion's course, fused by a learnt Kalman filter."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redheart_core.nn.chunks import masked_mean
from redheart_core.nn.growing import grow_chain, grow_own, grow_same
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import mlp
from redheart_kalman.filter import Filtered, StateSpace, filter_states, smooth_states
from redheart_kalman.log_ratios import contrasts

SENSORS = ("neural_emotion.trajectory", "emotion_dsp.trajectory")
NOISE_FLOOR = 1e-3
"""eps of R = L L' + eps I, in squared log-ratios; far above float32's rounding."""
DIAGONAL_FLOOR = 1e-6
"""Added to the softplus diagonal of L."""
GAIN = 10.0
"""The filter's own numbers are this many times their parameters: AdamW moves a parameter by about its learning rate in
an update, and they have to go further in a run than some hundred steps of 0.001."""
LEAST_WEIGHT = 0.02
"""Of a sensor, so that no noise becomes infinite."""


class Covariance(nn.Module):
    """A positive definite matrix L L' with L lower triangular, its diagonal softplus(GAIN raw) + 1e-6, below GAIN raw.

    Args:
        size: n.
        variance: Initial value on the diagonal.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, size: int, variance: float) -> None:
        super().__init__()
        rows, columns = torch.tril_indices(size, size)
        self.size = size
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("columns", columns, persistent=False)
        free = math.log(math.expm1(math.sqrt(variance) - DIAGONAL_FLOOR))
        self.raw = nn.Parameter(torch.where(rows == columns, free / GAIN, 0.0))

    def forward(self) -> Tensor:
        free = GAIN * self.raw
        values = torch.where(self.rows == self.columns, F.softplus(free) + DIAGONAL_FLOOR, free)
        factor = values.new_zeros(self.size, self.size).index_put((self.rows, self.columns), values)
        return factor @ factor.T


class KalmanFusion(nn.Module):
    """The emotion of a text from two trajectories of logits over its chunks.

    The state is the emotion distribution of a chunk in L - 1 log-ratios; H is two identity blocks and stays so, as F
    and H together are known only up to a change of basis. The state is never pushed through a softmax; only the
    outputs are.

    Args:
        labels: L, number of emotions.
        hidden: Width of the network that weighs the sensors.
    """

    basis: Tensor

    def __init__(self, labels: int, hidden: int) -> None:
        super().__init__()
        size, sensors = labels - 1, len(SENSORS)
        self.register_buffer("basis", contrasts(labels), persistent=False)
        self.transition_change = nn.Parameter(torch.zeros(size, size))  # from identity, to which weight decay leads
        self.process = Covariance(size, 0.01)
        self.noise = nn.ModuleList(Covariance(size, 0.1) for _ in SENSORS)
        self.prior = Covariance(size, 1.0)
        self.log_scale = nn.Parameter(torch.zeros(sensors))
        self.offset = nn.Parameter(torch.zeros(sensors * size))
        self.adapter = mlp(sensors * size, hidden, sensors)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Two trajectories (B, T, L) of logits to the outputs that the node declares."""
        mask = inputs["mask"]
        observations = self._observations(inputs, mask)
        weights = LEAST_WEIGHT + (1 - len(SENSORS) * LEAST_WEIGHT) * self.adapter(observations).softmax(-1)
        model = self._model()
        present = mask.unsqueeze(-1).expand_as(observations)
        filtered, surprisal = self._filter(model, observations, present, weights)
        smoothed = smooth_states(model, filtered)
        emotion_logits = masked_mean(smoothed.means.where(mask.unsqueeze(-1), 0.0), mask) @ self.basis.T
        return {
            "emotion": emotion_logits.softmax(-1),
            "emotion_logits": emotion_logits,
            "trajectory": filtered.means @ self.basis.T,
            "variance": torch.einsum("ln,btnm,lm->btl", self.basis, filtered.covariances, self.basis),
            "weights": weights,
            "surprisal": surprisal,
        }

    def transition(self) -> Tensor:
        """F = 0.999 W / max(1, |W|) with the spectral norm, so that no state grows for ever: (n, n)."""
        free = GAIN * self.transition_change + torch.eye(len(self.transition_change), device=self.basis.device)
        largest: Tensor = torch.linalg.matrix_norm(free, 2)
        return 0.999 * free / largest.clamp(min=1.0)

    def _model(self) -> StateSpace:
        size = self.basis.shape[1]
        identity = torch.eye(size, dtype=self.basis.dtype, device=self.basis.device)
        stacked = identity.repeat(len(SENSORS), 1)
        even = self.basis.new_zeros(size)  # the prior mean: all emotions alike
        return StateSpace(self.transition(), stacked, self.process(), even, self.prior())

    def _observations(self, inputs: dict[str, Tensor], mask: Tensor) -> Tensor:
        """Both sensors' log-ratios on one scale, (B, T, 2 n), 0 where padded."""
        ratios = torch.stack([inputs[name] @ self.basis for name in SENSORS], 2)
        calibrated = ratios * self.log_scale.exp().unsqueeze(-1) + self.offset.view(len(SENSORS), -1)
        return calibrated.flatten(2).where(mask.unsqueeze(-1), 0.0)

    def _noise(self, weights: Tensor) -> Tensor:
        """R, block diagonal, each sensor's own noise over 2 w: (B, T, 2) to (B, T, 2 n, 2 n)."""
        size = self.basis.shape[1]
        floor = NOISE_FLOOR * torch.eye(size, dtype=weights.dtype, device=weights.device)
        blocks = torch.stack([noise() + floor for noise in self.noise])
        places = torch.eye(len(SENSORS), dtype=weights.dtype, device=weights.device)
        stacked = torch.einsum("ij,iab->iajb", places, blocks).reshape(len(SENSORS) * size, len(SENSORS) * size)
        scale = (1 / (len(SENSORS) * weights)).repeat_interleave(size, -1)
        return scale.unsqueeze(-1) * stacked

    def _filter(
        self, model: StateSpace, observations: Tensor, present: Tensor, weights: Tensor
    ) -> tuple[Filtered, Tensor]:
        """What the filter knows, and the negative log-likelihood per present number in nats, (B,).

        The likelihood is that of a second pass, in the same batch, over detached observations and weights: it falls
        without end if what is observed may be made constant, and it is no density if its noise learns from the
        observation whose density it is. Both learn from the emotion.
        """
        count = len(observations)
        found = filter_states(
            model,
            torch.cat([observations, observations.detach()]),
            present.repeat(2, 1, 1),
            self._noise(torch.cat([weights, weights.detach()])),
        )
        return found.records(slice(count)), -found.log_likelihood[count:] / present.sum((1, 2))

    def grow_from(self, smaller: KalmanFusion) -> None:
        """Take over what a smaller one computes: the filter's own numbers as they are, its trust widened."""
        grow_own(self, smaller)
        for name in ("process", "noise", "prior"):
            grow_same(self.get_submodule(name), smaller.get_submodule(name))
        grow_chain(self.adapter, smaller.adapter, Axis.same(len(self.offset)))
