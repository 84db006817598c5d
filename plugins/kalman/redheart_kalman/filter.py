"""The linear Gaussian filter and smoother over batches of sequences, of any float dtype, differentiable throughout.

B records, T steps, n numbers of the state, m of an observation. The prior is that of the state at the first
observation: nothing is predicted before the first update.
"""

from __future__ import annotations

import math

import attrs
import torch
from torch import Tensor

from redheart_core import DataError, ShapeError


@attrs.frozen(eq=False)
class StateSpace:
    """x_t = F x_{t-1} + w, w ~ N(0, Q); z_t = H x_t + v; x_1 ~ N(mean, covariance)."""

    transition: Tensor
    """F, (n, n)."""
    observation: Tensor
    """H, (m, n)."""
    process: Tensor
    """Q, (n, n), positive semidefinite."""
    mean: Tensor
    """Of the prior, (n,)."""
    covariance: Tensor
    """Of the prior, (n, n), positive semidefinite."""


@attrs.frozen(eq=False)
class Filtered:
    """What the filter knows at each step."""

    means: Tensor
    """After the update, (B, T, n)."""
    covariances: Tensor
    """(B, T, n, n)."""
    predicted_means: Tensor
    """Before the update."""
    predicted_covariances: Tensor
    gains: Tensor
    """K, (B, T, n, m), 0 for what is missing."""
    log_likelihood: Tensor
    """Of all present numbers, in nats, (B,)."""

    def records(self, which: slice) -> Filtered:
        """The same of some records."""
        return Filtered(*(value[which] for value in attrs.astuple(self, recurse=False)))


@attrs.frozen(eq=False)
class Smoothed:
    """What is known of each step from the whole sequence."""

    means: Tensor
    """(B, T, n)."""
    covariances: Tensor
    """(B, T, n, n)."""


def filter_states(model: StateSpace, observations: Tensor, present: Tensor, noise: Tensor) -> Filtered:
    """Predict and update with the covariance in Joseph's form, solved by Cholesky factors.

    Missing numbers count as if their rows of z, H and R were not there; a step without any is neither an
    update nor a term of the likelihood.

    Args:
        model: The state space.
        observations: z, (B, T, m); what stands at missing places is ignored, NaN included.
        present: (B, T, m) bool.
        noise: R, (m, m) or anything that broadcasts to (B, T, m, m), positive definite.

    Raises:
        ShapeError: No step at all, or sizes that do not agree.
        DataError: The covariance of an innovation is not positive definite, or not finite.
    """
    batch, steps = _check(model, observations, present, noise)
    size = observations.shape[-1]
    z = observations.where(present, 0.0)
    both = present.unsqueeze(-1) & present.unsqueeze(-2)
    unit = torch.eye(size, dtype=z.dtype, device=z.device)
    r = torch.where(both, noise, unit).expand(batch, steps, size, size)
    h = model.observation * present.unsqueeze(-1)
    identity = torch.eye(model.mean.shape[-1], dtype=z.dtype, device=z.device)
    x, p = model.mean.expand(batch, -1), model.covariance.expand(batch, -1, -1)
    found: list[tuple[Tensor, ...]] = []
    terms = []
    for step in range(steps):
        if step:
            x = x @ model.transition.T
            p = model.transition @ p @ model.transition.T + model.process
        x_before, p_before = x, p
        h_t, r_t = h[:, step], r[:, step]
        y = z[:, step] - torch.einsum("bmn,bn->bm", h_t, x)
        hp = h_t @ p
        factor = _cholesky(hp @ h_t.mT + r_t, f"the innovation at step {step}")
        solved = torch.cholesky_solve(torch.cat([hp, y.unsqueeze(-1)], -1), factor)
        gain, weighed = solved[..., :-1].mT, solved[..., -1]
        x = x + torch.einsum("bnm,bm->bn", gain, y)
        kept = identity - gain @ h_t
        p = kept @ p @ kept.mT + gain @ r_t @ gain.mT
        p = (p + p.mT) / 2
        log_determinant = 2 * factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        terms.append((y * weighed).sum(-1) + log_determinant)
        found.append((x, p, x_before, p_before, gain))
    means, covariances, means_before, covariances_before, gains = (
        torch.stack(column, 1) for column in zip(*found, strict=True)
    )
    constant = present.sum((1, 2)).to(z.dtype) * math.log(2 * math.pi)
    log_likelihood = -0.5 * (torch.stack(terms, 1).sum(1) + constant)
    return Filtered(means, covariances, means_before, covariances_before, gains, log_likelihood)


def smooth_states(model: StateSpace, filtered: Filtered) -> Smoothed:
    """The Rauch-Tung-Striebel smoother, backwards over what filter_states found.

    Raises:
        DataError: The covariance of a prediction is not positive definite.
    """
    x, p = filtered.means[:, -1], filtered.covariances[:, -1]
    means, covariances = [x], [p]
    for step in range(filtered.means.shape[1] - 2, -1, -1):
        x_after, p_after = filtered.predicted_means[:, step + 1], filtered.predicted_covariances[:, step + 1]
        factor = _cholesky(p_after, f"the prediction for step {step + 1}")
        back = torch.cholesky_solve(model.transition @ filtered.covariances[:, step], factor).mT
        x = filtered.means[:, step] + torch.einsum("bnm,bm->bn", back, x - x_after)
        p = filtered.covariances[:, step] + back @ (p - p_after) @ back.mT
        p = (p + p.mT) / 2
        means.append(x)
        covariances.append(p)
    return Smoothed(torch.stack(means[::-1], 1), torch.stack(covariances[::-1], 1))


def _cholesky(matrix: Tensor, what: str) -> Tensor:
    factor: Tensor
    factor, failed = torch.linalg.cholesky_ex(matrix)
    if bool(failed.any()) or not bool(factor.isfinite().all()):
        raise DataError(
            f"the covariance of {what} is not positive definite; give finite observations and a noise R "
            "that is positive definite, such as L L' + eps I with eps well above the rounding of its dtype"
        )
    return factor


def _check(model: StateSpace, observations: Tensor, present: Tensor, noise: Tensor) -> tuple[int, int]:
    state, size = model.mean.shape[-1], observations.shape[-1]
    if observations.dim() != 3 or not observations.shape[1]:
        raise ShapeError(f"observations have to be (B, T, m) with at least one step, got {tuple(observations.shape)}")
    expected = {
        "F": (model.transition, (state, state)),
        "H": (model.observation, (size, state)),
        "Q": (model.process, (state, state)),
        "P0": (model.covariance, (state, state)),
        "present": (present, tuple(observations.shape)),
    }
    wrong = [
        f"{name} has to be {shape}, got {tuple(tensor.shape)}"
        for name, (tensor, shape) in expected.items()
        if tuple(tensor.shape) != shape
    ]
    if noise.shape[-2:] != (size, size):
        wrong.append(f"R has to end in {(size, size)}, got {tuple(noise.shape)}")
    if wrong:
        raise ShapeError(f"for a state of {state} and observations of {size}: {'; '.join(wrong)}")
    return observations.shape[0], observations.shape[1]
