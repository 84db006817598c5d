"""Modules each of which breaks one promise of a plugin."""

from __future__ import annotations

import numpy as np
import torch
from little_plugin import WIDTH, Little
from torch import Tensor, nn
from torch.nn import functional as F


class DeadParameter(Little):
    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.dead = nn.Linear(3, 3)


class ZeroGradient(Little):
    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.idle = nn.Parameter(torch.ones(1))

    def results(self, state: Tensor) -> dict[str, Tensor]:
        return super().results(state + 0.0 * self.idle)


class CancelledParameter(Little):
    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.shift = nn.Parameter(torch.zeros(1))

    def results(self, state: Tensor) -> dict[str, Tensor]:
        results = super().results(state)
        return results | {"mood_logits": results["mood_logits"] + self.shift}


class OutOfRange(Little):
    def results(self, state: Tensor) -> dict[str, Tensor]:
        results = super().results(state)
        return results | {"worth": results["worth"] + 0.7}


class SharesDoNotSumToOne(Little):
    def results(self, state: Tensor) -> dict[str, Tensor]:
        results = super().results(state)
        return results | {"mood": results["mood_logits"].sigmoid()}


class SpareAxis(Little):
    def results(self, state: Tensor) -> dict[str, Tensor]:
        results = super().results(state)
        return results | {"worth": results["worth"].unsqueeze(-1)}


class BatchStatistics(Little):
    def results(self, state: Tensor) -> dict[str, Tensor]:
        return super().results(state - state.mean(0) + self.hidden.bias)


class NeedsTwoRecords(Little):
    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.norm = nn.BatchNorm1d(sizes[1])

    def results(self, state: Tensor) -> dict[str, Tensor]:
        return super().results(self.norm(state))


class CountsPadding(Little):
    def state(self, embedding: Tensor, mask: Tensor) -> Tensor:
        return torch.tanh(self.hidden(embedding.mean(1)))


class Unseeded(Little):
    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.hidden.weight.data += float(np.random.default_rng().normal())


class DropoutForEver(Little):
    def state(self, embedding: Tensor, mask: Tensor) -> Tensor:
        return F.dropout(super().state(embedding, mask), 0.5)


class Hidden(Little):
    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.aside = [torch.zeros(1, requires_grad=True)]

    def results(self, state: Tensor) -> dict[str, Tensor]:
        return super().results(state + self.aside[0])


class Unsaved(Little):
    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.gain = torch.rand(1) + 0.5

    def results(self, state: Tensor) -> dict[str, Tensor]:
        return super().results(state * self.gain)


class OnOneDevice(Little):
    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.hidden.bias = nn.Parameter(torch.zeros(sizes[1], device="cpu"))


class InDouble(Little):
    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.register_buffer("factor", torch.tensor(0.5, dtype=torch.float64))


class Lazy(Little):
    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.hidden = nn.LazyLinear(sizes[1])


class LearnsNothing(Little):
    def results(self, state: Tensor) -> dict[str, Tensor]:
        return super().results(1e-7 * state)

    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        for layer in (self.mood, self.traits, self.worth):
            layer.bias = None  # type: ignore[assignment]


class TakesAnything(Little):
    def state(self, embedding: Tensor, mask: Tensor) -> Tensor:
        flat = embedding.reshape(*mask.shape, -1)
        return super().state(F.pad(flat, (0, WIDTH))[..., :WIDTH], mask)


class InPlace(Little):
    def state(self, embedding: Tensor, mask: Tensor) -> Tensor:
        return super().state(embedding.mul_(0.5), mask)


class FixedLabels(Little):
    def __init__(self, width_in: int, width: int, moods: int, traits: int) -> None:
        super().__init__(width_in, width, moods, 3)


BROKEN: dict[str, tuple[type[Little], set[str], str]] = {
    "dead parameter": (DeadParameter, {"every_parameter_learns"}, r"dead\.weight \(9 elements\): no gradient"),
    "zero gradient": (ZeroGradient, {"every_parameter_learns"}, r"idle \(1 elements\): gradient exactly zero"),
    "cancelled": (CancelledParameter, {"every_parameter_learns"}, r"shift \(1 elements\): gradient is rounding alone"),
    "out of range": (
        OutOfRange,
        {"outputs_as_declared", "every_parameter_learns", "every_parameter_adds_to_the_baseline"},
        r"output 'worth' of plugin 'little' has to lie in 0\.\.1, got",
    ),
    "sum": (SharesDoNotSumToOne, {"outputs_as_declared"}, "output 'mood' has to sum to 1 over its labels"),
    "batch statistics": (BatchStatistics, {"records_apart"}, r"changes by .* alone instead of in a batch"),
    "two records": (
        NeedsTwoRecords,
        {"small_batches"},
        "one record in training mode: plugin 'little' failed",
    ),
    "padding": (CountsPadding, {"padding_changes_nothing", "records_apart"}, "with 3 more padded chunks"),
    "unseeded": (Unseeded, {"same_seed_same_result"}, "two modules of the same seed have to be equal .* little.hidden"),
    "dropout": (
        DropoutForEver,
        {"same_seed_same_result", "saving_keeps_everything", "padding_changes_nothing", "records_apart"},
        "two passes over the same batch in eval mode",
    ),
    "hidden": (Hidden, {"nothing_outside_learns"}, r"1 tensors that are no parameters of the group, .* \(1,\)"),
    "unsaved": (Unsaved, {"saving_keeps_everything"}, "before saving and after loading into another module"),
    "device": (OnOneDevice, {"builds_at_every_scale"}, "at scale tiny, hidden.bias ignore the device"),
    "double": (InDouble, {"builds_at_every_scale"}, r"have to be float32; .*factor"),
    "learns nothing": (
        LearnsNothing,
        {"loss_falls", "every_parameter_adds_to_the_baseline"},
        "has to fall by 5% within 100 updates",
    ),
    "takes anything": (TakesAnything, {"errors_name_the_plugin"}, "out of inputs of a wrong shape; no error came"),
    "fixed labels": (FixedLabels, {"other_labels"}, r"output 'traits' of plugin 'little' has to be .*\(8, 2\)"),
}
