"""Every answer as a linear map of a text's terms, in closed form: ridge and logistic regression."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redheart_core import BuildContext, NodeSpec, Objective, hookimpl
from redheart_core.nn.answers import FIELDS, answer_outputs
from redheart_linear.settings import LinearSettings

if TYPE_CHECKING:
    from torch import nn

    from redheart_core.contract.fitting import FitData


@hookimpl
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="linear",
            meaning="every answer as a linear map of a text's terms: ridge and logistic regression in closed form",
            settings=LinearSettings,
            scales={"tiny": {}, "small": {}, "base": {}, "full": {}},
            reads=("terms",),
            gives=answer_outputs(FIELDS),
            build=_build,
            fit=_fit,
            objective=_objective,
            optional_targets=FIELDS,
        )
    ]


def _build(context: BuildContext) -> nn.Module:
    from redheart_linear.training import build

    return build(context)


def _fit(module: nn.Module, data: FitData) -> None:
    from redheart_linear.training import fit

    fit(module, data)


def _objective(context: BuildContext) -> Objective:
    from redheart_linear.training import objective

    return objective(context)
