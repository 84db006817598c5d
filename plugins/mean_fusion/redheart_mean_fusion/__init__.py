"""Several answers on one field into one: the mean with weights inverse to the error variance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redheart_core import BuildContext, NodeSpec, Objective, hookimpl
from redheart_core.nn.answers import FIELDS, answer_outputs
from redheart_mean_fusion.settings import MeanFusionSettings

if TYPE_CHECKING:
    from torch import nn

    from redheart_core.contract.fitting import FitData


@hookimpl
def redheart_provide_fusions() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="mean_fusion",
            meaning="the mean of all answers on a field, each label weighted inversely to the error variance",
            settings=MeanFusionSettings,
            scales={"tiny": {}, "small": {}, "base": {}, "full": {}},
            reads=(),
            gives=answer_outputs(FIELDS),
            build=_build,
            fit=_fit,
            objective=_objective,
            optional_targets=FIELDS,
            gathers=FIELDS,
        )
    ]


def _build(context: BuildContext) -> nn.Module:
    from redheart_mean_fusion.training import build

    return build(context)


def _fit(module: nn.Module, data: FitData) -> None:
    from redheart_mean_fusion.training import fit

    fit(module, data)


def _objective(context: BuildContext) -> Objective:
    from redheart_mean_fusion.training import objective

    return objective(context)
