"""Two forecasts in closed form. Their weights are set by a fit and get no gradient.

Shapes: B windows, L steps of the past, C channels of it (the K targets first), H steps ahead.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Naive(nn.Module):
    """The value of one season before, for every step ahead; where it is missing that of the season before, and so on.

    Without any, the last value that is there; without that, the mean over the training part.

    Args:
        horizon: H.
        means: K, of the targets over the training part.
        wanted: The season that a fit is to set; 0 leaves the choice to it.
    """

    def __init__(self, horizon: int, means: Sequence[float], wanted: int = 0) -> None:
        super().__init__()
        self.wanted = wanted
        self.horizon, self.size = horizon, len(means)
        self.season = nn.Parameter(torch.ones(()), requires_grad=False)
        self.register_buffer("means", torch.tensor(means), persistent=False)
        self.means: Tensor

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """`past` (B, L, C) to `next` (B, H, K)."""
        return {"next": self.forecast(inputs["past"], int(self.season))}

    def forecast(self, past: Tensor, season: int) -> Tensor:
        """The same with a season of 1..L steps."""
        targets = past[..., : self.size]
        length, found = past.shape[1], []
        whole = last_present(targets, self.means)
        for step in range(self.horizon):
            places = range(length - season + step % season, -1, -season)
            value = whole
            for place in reversed(places):
                value = torch.where(targets[:, place].isnan(), value, targets[:, place])
            found.append(value)
        return torch.stack(found, 1)


class Ridge(nn.Module):
    """next = last + std * (features @ weight + bias), with last the last value of each target that is there.

    The features are the past less the last values (of covariates less their means) and the last values less their
    means, in standard deviations of the training part, 0 where missing, which of them are missing, and what is known of
    the steps ahead. So a weight of 0 is the last value (NLinear, Zeng et al. 2023), and any linear map of the past is
    within reach.

    Args:
        length: L.
        horizon: H.
        means: C of the channels, over the training part.
        stds: C, above 0.
        size: K.
        known: Means and standard deviations of what is known ahead; none without any.
        penalties: That a fit may choose from.
    """

    def __init__(
        self,
        length: int,
        horizon: int,
        means: Sequence[float],
        stds: Sequence[float],
        size: int,
        known: tuple[Sequence[float], Sequence[float]] = ((), ()),
        penalties: tuple[float, ...] = (1.0,),
    ) -> None:
        super().__init__()
        self.penalties = penalties
        self.horizon, self.size = horizon, size
        scales = {"means": means, "stds": stds, "known_means": known[0], "known_stds": known[1]}
        for name, numbers in scales.items():
            self.register_buffer(name, torch.tensor(numbers), persistent=False)
        self.means: Tensor
        self.stds: Tensor
        self.known_means: Tensor
        self.known_stds: Tensor
        width = 2 * length * len(means) + size + 2 * horizon * len(known[0])
        self.weight = nn.Parameter(torch.zeros(width, horizon * size), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(horizon * size), requires_grad=False)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """`past` (B, L, C), and `known` (B, H, N) if it was built with it, to `next` (B, H, K)."""
        raw = self.features(inputs["past"], inputs.get("known")) @ self.weight + self.bias
        return {"next": self.in_units(inputs["past"], raw)}

    def in_units(self, past: Tensor, raw: Tensor) -> Tensor:
        """(B, H * K) in standard deviations from the last value to (B, H, K) in units of the file."""
        steps = raw.reshape(raw.shape[0], self.horizon, self.size)
        return self.last(past).unsqueeze(1) + self.stds[: self.size] * steps

    def last(self, past: Tensor) -> Tensor:
        """(B, K): the last value of each target that is there, else its mean over the training part."""
        return last_present(past[..., : self.size], self.means[: self.size])

    def features(self, past: Tensor, known: Tensor | None) -> Tensor:
        """(B, D)."""
        last = self.last(past)
        centre = torch.cat([last, self.means[self.size :].expand(past.shape[0], -1)], -1).unsqueeze(1)
        parts = [((past - centre) / self.stds).nan_to_num(0.0), past.isnan().to(past.dtype)]
        parts.append((last - self.means[: self.size]) / self.stds[: self.size])
        if len(self.known_means):
            assert known is not None
            parts += [((known - self.known_means) / self.known_stds).nan_to_num(0.0), known.isnan().to(past.dtype)]
        return torch.cat([part.flatten(1) for part in parts], -1)


def last_present(targets: Tensor, means: Tensor) -> Tensor:
    """(B, L, K) to (B, K): the last number of each, else its mean."""
    found = means.expand(targets.shape[0], -1)
    for step in targets.unbind(1):
        found = torch.where(step.isnan(), found, step)
    return found
