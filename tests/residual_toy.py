"""A toy world with a baseline, and nodes that learn what it leaves."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor, nn
from toy import NodeSettings, NoSettings, Toy

from redheart_core import CATALOGUE, SCALES, ActiveNode, BuildContext, NodeSpec, Objective
from redheart_core.contract.fitting import FitData
from redheart_core.nn.answers import answer_objective, answer_outputs, finish, from_values, is_values, size_of
from redheart_core.nn.chunks import masked_mean
from redheart_core.nn.named import Named

WIDTH = 16
"""Of the toy's encoder."""


class Line(nn.Module):
    """Each field as a linear map of the mean chunk."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        super().__init__()
        self.fields = tuple(CATALOGUE[name] for name in fields)
        self.maps = Named({field.name: nn.Linear(WIDTH, size_of(field)).requires_grad_(False) for field in self.fields})

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        return self.answers(masked_mean(inputs["embedding"], inputs["mask"]))

    def answers(self, mean: Tensor) -> dict[str, Tensor]:
        """Mean chunks (B, D) to the outputs."""
        outputs: dict[str, Tensor] = {}
        for field in self.fields:
            raw = self.maps[field.name](mean)
            outputs |= from_values(field, raw) if is_values(field) else finish(field, raw)
        return outputs


def fit_line(module: nn.Module, data: FitData, scale: float) -> dict[str, Tensor]:
    """Least squares, of which a share is taken around the mean; of probabilities the logarithm of their mean alone.

    Its honest answers are those for slightly smaller embeddings, so that they can be told from its own.
    """
    assert isinstance(module, Line)
    embedding = data.train.embedding().double()
    centred = embedding - embedding.mean(0)
    for field in module.fields:
        linear = module.maps[field.name]
        assert isinstance(linear, nn.Linear)
        target = data.train.field(field.name).double().reshape(len(embedding), -1)
        mean = target.nanmean(0)
        if is_values(field):
            slope = scale * torch.linalg.lstsq(centred, target - mean).solution
            linear.weight.copy_(slope.T)
            linear.bias.copy_(mean - embedding.mean(0) @ slope)
        else:
            linear.weight.fill_(0.01)
            linear.bias.copy_(mean.clamp(0.01).log())
    return module.answers(0.9 * data.train.embedding())


class Deep(nn.Module):
    """Each field by a hidden layer of its own."""

    def __init__(self, fields: tuple[str, ...], width: int, dropout: float) -> None:
        super().__init__()
        self.fields = tuple(CATALOGUE[name] for name in fields)
        self.layers = Named(
            {
                field.name: nn.Sequential(
                    nn.Linear(WIDTH, width), nn.Tanh(), nn.Dropout(dropout), nn.Linear(width, size_of(field))
                )
                for field in self.fields
            }
        )

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        mean = masked_mean(inputs["embedding"], inputs["mask"])
        outputs: dict[str, Tensor] = {}
        for field in self.fields:
            outputs |= finish(field, self.layers[field.name](mean))
        return outputs


@attrs.frozen
class ResidualToy:
    """Makers of a baseline and of nodes above it."""

    toy: Toy

    def line(self, *fields: str, name: str = "line", scale: float = 0.5) -> ActiveNode:
        """A baseline, which is the truth at scale 1 as the toy's values are linear in the words."""

        def build(_: BuildContext) -> nn.Module:
            return Line(fields)

        def fit(module: nn.Module, data: FitData) -> dict[str, Tensor]:
            with torch.no_grad():
                return fit_line(module, data, scale)

        return _node(name, fields, NoSettings(), build, fit=fit, baseline=True)

    def deep(self, name: str, *fields: str, more: tuple[str, ...] = (), **changes: Any) -> ActiveNode:
        """A node that learns fields, and more of them where the data set has them; changes are of the ActiveNode."""
        options = {key: changes.pop(key) for key in ("residual", "group", "learning_rate_scale") if key in changes}
        settings = NodeSettings(**changes)

        def build(context: BuildContext) -> nn.Module:
            held = tuple(name for name in (*fields, *more) if name in context.fields)
            return Deep(held, settings.width, settings.dropout)

        node = _node(name, (*fields, *more), settings, build, optional=more)
        return attrs.evolve(node, **options)


def _node(
    name: str, fields: tuple[str, ...], settings: object, build: Any, optional: tuple[str, ...] = (), **more: Any
) -> ActiveNode:
    def objective(context: BuildContext) -> Objective:
        return answer_objective(context, [field for field in fields if field in context.fields])

    spec = NodeSpec(
        name=name,
        meaning="A toy.",
        settings=type(settings),
        scales={scale: {} for scale in SCALES},
        reads=("embedding",),
        gives=tuple(output for field in fields for output in answer_outputs(CATALOGUE[field])),
        build=build,
        objective=objective,
        targets=tuple(field for field in fields if field not in optional),
        optional_targets=optional,
        **more,
    )
    return ActiveNode(spec, "analyzer", name, "toy", "1.0", name, settings)
