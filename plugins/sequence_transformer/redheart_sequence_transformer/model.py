"""Transformers over a window of a series, and over the earlier scenarios of a person.

Shapes: B windows, L steps of the past, C channels of it (the K targets first), H steps ahead, N channels known ahead, Q
levels of quantiles.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist

import attrs
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redheart_core.contract.fields import Field
from redheart_core.contract.tensors import fill_missing_input
from redheart_core.nn.answers import finish, size_of
from redheart_core.nn.growing import grow_chain, grow_gru, grow_same
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import RecordDropout, mlp
from redheart_core.nn.named import Named
from redheart_core.nn.recurrent import gru_states
from redheart_core.nn.sequences import SequenceEncoder, autocorrelations, window_scale

LINE = "series_ridge.next"
"""The forecast that is linear in the past, to which the network adds."""
EXPECTED = 0.5
"""Standard deviation of a forecast's error, in that of its window, with which quantiles begin."""


@attrs.frozen
class Scale:
    """Of channels over the training part."""

    means: Sequence[float]
    stds: Sequence[float]
    """Above 0."""


class Window(nn.Module):
    """A window in its own scale and what stands for its level: (B, L, C) to (B, L, C), and (B, 2 C)."""

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        self.register_buffer("means", torch.tensor(scale.means), persistent=False)
        self.register_buffer("stds", torch.tensor(scale.stds), persistent=False)
        self.means: Tensor
        self.stds: Tensor

    def forward(self, past: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`past` to its mean and deviation, (B, 1, C) each, and to itself in these."""
        mean, std = window_scale(past, self.means, self.stds)
        return mean, std, (past - mean) / std

    def seen_from_training(self, past: Tensor) -> Tensor:
        """`past` in the scale of the training part, about linear within and logarithmic far outside of it."""
        return ((past - self.means) / self.stds).asinh()

    def level(self, mean: Tensor, std: Tensor) -> Tensor:
        """(B, 2 C): mean and deviation as seen from the training part."""
        return torch.cat([self.seen_from_training(mean), (std / self.stds).log()], -1).squeeze(1)


class Filter(nn.Module):
    """The steps of a window one after another through a GRU (Cho et al. 2014): (B, L, C) to (B, W).

    The best forecast of a system with a hidden state is a recursion of this form (Kalman 1960, Hamilton 1989): what is
    believed behind a step follows from what was believed before it and from the step itself.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.steps = nn.GRU(2 * channels, width, batch_first=True)

    def forward(self, values: Tensor) -> Tensor:
        filled, present = fill_missing_input(values)
        return gru_states(self.steps, torch.cat([filled, present.to(filled.dtype)], -1))[:, -1]


class Forecast(nn.Module):
    """A linear forecast and what a transformer adds, as a mean and as quantiles that never cross.

    next = line + std * delta with the window's own std; delta begins at 0. A filter goes through the steps of the past,
    and a unit of the same kind on through those ahead, from the filter's state and what the transformer adds to it:
    what is far ahead is the same map applied again. Quantiles lie around `next`: the middle level at a learnt offset,
    each other level a softplus beyond the one nearer to the middle.

    Args:
        past: Of the C channels.
        targets: K.
        levels: Q, rising.
        known: Of the N channels; none without any.
        reads_level: Whether the network reads mean and deviation of a window.
        encoder: Of the C channels.
        dropout: Share of activations dropped in training, beside the encoder's.
    """

    def __init__(
        self,
        *,
        past: Scale,
        targets: int,
        levels: Sequence[float],
        known: Scale | None,
        reads_level: bool,
        encoder: SequenceEncoder,
        dropout: float,
    ) -> None:
        super().__init__()
        self.targets, self.middle = targets, len(levels) // 2
        channels = len(past.means)
        self.window = Window(past)
        self.encoder, width = encoder, encoder.width
        self.ahead = None if known is None else Window(known)
        self.reads_level = reads_level
        self.filter = Filter(channels, 2 * width)
        self.start = mlp(5 * width + (2 * channels if reads_level else 0), 2 * width, 2 * width, dropout=dropout)
        read = targets + (0 if known is None else 2 * len(known.means))
        self.step = nn.GRUCell(read, 2 * width)
        self.head = mlp(2 * width, width, targets * (1 + len(levels)), dropout=0.0)
        last = self.head[-1]
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            weight, bias = last.weight.view(targets, 1 + len(levels), -1), last.bias.view(targets, 1 + len(levels))
            weight[:, 0] = 0.0
            bias.copy_(torch.tensor([0.0, *_gaps(levels)]))

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """`past`, `past_times`, the linear forecast (B, H, K), and `known` if it was built with it."""
        mean, std, scaled = self.window(inputs["past"])
        line = inputs[LINE]
        centre, spread = mean[..., : self.targets], std[..., : self.targets]
        carried = self.filter(self.window.seen_from_training(inputs["past"]) if self.reads_level else scaled)
        state = [carried, self.encoder(scaled, inputs["past_times"])]
        if self.reads_level:
            state.append(self.window.level(mean, std))
        ahead = [((line - centre) / spread).asinh()]
        if self.ahead is not None:
            filled, present = fill_missing_input((inputs["known"] - self.ahead.means) / self.ahead.stds)
            ahead += [filled, present.to(filled.dtype)]
        carried, found = carried + self.start(torch.cat(state, -1)), []
        for step in torch.cat(ahead, -1).unbind(1):
            carried = self.step(step, carried)
            found.append(carried)
        raw = self.head(torch.stack(found, 1)).unflatten(-1, (self.targets, -1))
        forecast = line + spread * raw[..., 0]
        offsets = spread.unsqueeze(-1) * self._offsets(raw[..., 1:])
        return {"next": forecast, "next_quantiles": (forecast.detach().unsqueeze(-1) + offsets).transpose(-1, -2)}

    def grow_from(self, smaller: Forecast) -> None:
        """Take over what a smaller one computes; the states of the filter and of what goes on from it are one axis."""
        carried = Axis.padded(smaller.step.hidden_size, self.step.hidden_size)
        steps = self.filter.steps
        grow_gru(steps, smaller.filter.steps, Axis.same(steps.input_size), carried)
        seen = [carried, self.encoder.grow_from(smaller.encoder)]
        if self.reads_level:
            seen.append(Axis.same(2 * len(self.window.means)))
        grow_chain(self.start, smaller.start, Axis.joined(*seen), carried)
        grow_gru(self.step, smaller.step, Axis.same(self.step.input_size), carried)
        grow_chain(self.head, smaller.head, carried)

    def _offsets(self, raw: Tensor) -> Tensor:
        """(..., Q) free numbers to rising ones."""
        middle, gaps = raw[..., self.middle : self.middle + 1], F.softplus(raw)
        above = middle + gaps[..., self.middle + 1 :].cumsum(-1)
        below = middle - gaps[..., : self.middle].flip(-1).cumsum(-1).flip(-1)
        return torch.cat([below, middle, above], -1)


def _gaps(levels: Sequence[float]) -> list[float]:
    """Raw numbers whose offsets are the quantiles of a normal distribution with deviation EXPECTED."""
    normal, middle = NormalDist(sigma=EXPECTED), len(levels) // 2
    at = [normal.inv_cdf(level) for level in levels]
    gaps = [at[place + 1] - at[place] for place in range(len(at) - 1)]
    raw = [math.log(math.expm1(gap)) for gap in gaps]
    return [*raw[:middle], at[middle], *raw[middle:]]


class Answers(nn.Module):
    """Answers on fields from a summary: an mlp and, beside it, a linear map that begins at 0.

    Args:
        fields: What is answered.
        summary: Numbers that the mlp reads.
        plain: Numbers that the linear map reads.
        width: Of the mlp.
        dropout: Share of activations dropped in training.
    """

    def __init__(self, fields: Sequence[Field], summary: int, plain: int, width: int, dropout: float) -> None:
        super().__init__()
        self.fields = tuple(fields)
        self.heads = Named({field.name: mlp(summary, width, size_of(field), dropout=dropout) for field in fields})
        self.lines = Named({field.name: nn.Linear(plain, size_of(field), bias=False) for field in fields})
        self.dropout = RecordDropout(dropout)
        for parameter in self.lines.parameters():
            nn.init.zeros_(parameter)

    def forward(self, summary: Tensor, plain: Tensor) -> dict[str, Tensor]:
        plain = self.dropout(plain)
        found: dict[str, Tensor] = {}
        for field in self.fields:
            found |= finish(field, self.heads[field.name](summary) + self.lines[field.name](plain))
        return found

    def grow_from(self, smaller: Answers, summary: Axis) -> None:
        """Take over what a smaller one computes from a summary that begins as given; its other numbers stay."""
        for name, head in self.heads.items():
            first = smaller.heads[name].get_submodule("0")
            assert isinstance(first, nn.Linear)
            beside = Axis.same(first.in_features - summary.old)
            grow_chain(head, smaller.heads[name], Axis.joined(summary, beside))
        grow_same(self.lines, smaller.lines)


class Classes(nn.Module):
    """What holds of a window, from a transformer over it and the autocorrelations of each channel.

    These, up to half of the window, say which process a window is from (Box and Jenkins 1970) whatever its phase, which
    attention over noisy steps finds only in many more windows.

    Args:
        fields: What is answered.
        length: L.
        past: Of the C channels.
        encoder: Of the C channels.
        dropout: Share of activations dropped in training, beside the encoder's.
    """

    def __init__(
        self,
        *,
        fields: Sequence[Field],
        length: int,
        past: Scale,
        encoder: SequenceEncoder,
        dropout: float,
    ) -> None:
        super().__init__()
        channels = len(past.means)
        self.window = Window(past)
        self.encoder, width = encoder, encoder.width
        level, self.lags = 2 * channels, length // 2
        summary = 3 * width + level + self.lags * channels
        self.answers = Answers(fields, summary, 2 * length * channels + level, 2 * width, dropout)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """`past` and `past_times` to the answers on the fields."""
        mean, std, scaled = self.window(inputs["past"])
        level = self.window.level(mean, std)
        filled, present = fill_missing_input(scaled)
        plain = torch.cat([filled.flatten(1), present.to(filled.dtype).flatten(1), level], -1)
        echoes = autocorrelations(scaled, self.lags).flatten(1)
        summary = torch.cat([self.encoder(scaled, inputs["past_times"]), level, echoes], -1)
        outputs: dict[str, Tensor] = self.answers(summary, plain)
        return outputs

    def grow_from(self, smaller: Classes) -> None:
        """Take over what a smaller one computes."""
        self.answers.grow_from(smaller.answers, self.encoder.grow_from(smaller.encoder))


class History(nn.Module):
    """What follows the earlier scenarios of a person, from a transformer over them: (B, S, L) with S scenarios.

    Args:
        fields: What is answered.
        shape: S and L.
        encoder: Of the L labels.
        dropout: Share of activations dropped in training, beside the encoder's.
    """

    def __init__(
        self,
        *,
        fields: Sequence[Field],
        shape: tuple[int, int],
        encoder: SequenceEncoder,
        dropout: float,
    ) -> None:
        super().__init__()
        scenarios, labels = shape
        self.encoder, width = encoder, encoder.width
        self.answers = Answers(fields, 3 * width, 2 * scenarios * labels, 2 * width, dropout)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """`history`, oldest first from the start of the axis, to the answers on the fields."""
        history = inputs["history"]
        filled, present = fill_missing_input(history)
        there = present.any(-1)
        places = torch.arange(history.shape[1], device=history.device, dtype=history.dtype)
        times = torch.where(there, places, float("nan"))
        # the newest scenario first, so that a place always stands for the same distance from now
        newest = torch.where(there, places, places - history.shape[1]).argsort(dim=1, descending=True)
        plain = [one.gather(1, newest.unsqueeze(-1).expand_as(one)) for one in (filled, present.to(filled.dtype))]
        outputs: dict[str, Tensor] = self.answers(self.encoder(history, times), torch.cat(plain, -1).flatten(1))
        return outputs

    def grow_from(self, smaller: History) -> None:
        """Take over what a smaller one computes."""
        self.answers.grow_from(smaller.answers, self.encoder.grow_from(smaller.encoder))


def chosen(fields: Mapping[str, Field], names: Sequence[str]) -> tuple[Field, ...]:
    """Those of the names that are fields, in their order."""
    return tuple(fields[name] for name in names if name in fields)
