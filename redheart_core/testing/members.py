"""Stand-ins that answer what a checked node gathers or starts from: untrained maps of the text, where records have one,
per field."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from torch import Tensor, nn
from torch.nn import functional as F

from redheart_core.contract.fields import Field
from redheart_core.contract.fitting import FitData
from redheart_core.contract.nodes import SCALES, BuildContext, NodeSpec, Objective
from redheart_core.discovery.entries import Entry
from redheart_core.nn.answers import answer_objective, answer_outputs, finish, size_of
from redheart_core.nn.chunks import masked_mean
from redheart_core.nn.named import Named
from redheart_core.testing.plugin import Plugin

NAMES = ("first_member", "second_member")
BASELINE = "made_up_baseline"


@attrs.frozen
class NoSettings:
    """Nothing to set."""


class Member(nn.Module):
    """The mean chunk mapped to each field's raw numbers; without texts the same numbers for every record."""

    def __init__(self, width: int, fields: Sequence[Field]) -> None:
        super().__init__()
        self.fields = tuple(fields)
        self.maps = Named({field.name: nn.Linear(width + 1, size_of(field), bias=False) for field in fields})

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        mean = F.pad(masked_mean(inputs["embedding"], inputs["mask"]), (0, 1), value=1.0)
        outputs: dict[str, Tensor] = {}
        for field in self.fields:
            outputs |= finish(field, self.maps[field.name](mean))
        return outputs


def stand_ins(fields: Sequence[Field]) -> tuple[Plugin, ...]:
    """Analyzers that answer these fields; none for no fields."""
    names = NAMES if fields else ()
    return tuple(
        Plugin(name, "analyzer", _spec(name, tuple(fields)), Entry(name, __name__, "redheart", "")) for name in names
    )


def stand_in_baseline(fields: Sequence[Field]) -> Plugin:
    """A baseline that answers these fields."""
    spec = attrs.evolve(_spec(BASELINE, tuple(fields)), fit=_stay, baseline=True)
    return Plugin(BASELINE, "analyzer", spec, Entry(BASELINE, __name__, "redheart", ""))


def _stay(module: nn.Module, data: FitData) -> None:
    """The weights stay as they were drawn."""


def _spec(name: str, fields: tuple[Field, ...]) -> NodeSpec:
    names = tuple(field.name for field in fields)

    def build(context: BuildContext) -> nn.Module:
        return Member(context.input_width("embedding"), fields)

    def objective(context: BuildContext) -> Objective:
        return answer_objective(context, names)

    return NodeSpec(
        name=name,
        meaning="an untrained answer to gather",
        settings=NoSettings,
        scales={scale: {} for scale in SCALES},
        reads=("embedding",),
        gives=tuple(output for field in fields for output in answer_outputs(field)),
        build=build,
        objective=objective,
        targets=names,
    )
