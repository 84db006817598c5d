"""Fitting a group's nodes in closed form, and the honest answers that their fits return."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from redheart_core.contract.errors import DataError, PluginError
from redheart_core.contract.fitting import FitData
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.group_module import GroupModule
from redheart_core.groups.honest import HonestAnswers
from redheart_core.groups.plugin_calls import setting_up
from redheart_core.groups.tensor_checks import check_shape


def fit_nodes(module: GroupModule, data: FitData, rows: Tensor) -> None:
    """Compute the weights and the honest answers of a fitted group.

    Args:
        module: The group, which takes them over.
        data: What may be looked at.
        rows: (N,) int64, ascending: the row numbers of data.train.

    Raises:
        DataError: A fit fails.
        PluginError: An honest answer is none of the node's, or of another shape; or those of a baseline are not all
            there.
    """
    answers: dict[str, Tensor] = {}
    for node in module.group.nodes:
        assert node.spec.fit is not None
        with setting_up(node.name, "fit", DataError):
            given = node.spec.fit(module.nodes[node.name], data)
        if not data.honest:
            continue
        for name, tensor in (given or {}).items():
            answers[f"{node.name}.{name}"] = _check(node, name, tensor, data)
        if node.spec.baseline:
            _require_all(node, given or {})
    module.honest = HonestAnswers(rows, answers) if answers else None


def _check(node: ActiveNode, name: str, tensor: Tensor, data: FitData) -> Tensor:
    """An honest answer as it is kept."""
    output = node.spec.output(name)
    shape = output.resolve(node.settings, data.fields)
    if "T" in shape:
        raise PluginError(f"plugin '{node.name}': '{name}' has chunks, an honest answer cannot have any")
    check_shape(tensor, shape, len(data.train), None, f"the honest answer '{name}' of plugin '{node.name}'")
    if bool(tensor.isinf().any()):
        raise PluginError(f"plugin '{node.name}': the honest answer '{name}' has numbers that are infinite")
    return tensor.detach().contiguous()


def _require_all(node: ActiveNode, own: Mapping[str, Tensor]) -> None:
    missing = [output.name for output in node.spec.gives if output.name not in own]
    if missing:
        raise PluginError(
            f"plugin '{node.name}' is a baseline, on whose answers others are trained, and its fit gives no honest "
            f"answers for {', '.join(missing)}; return them for the training records, (N, *shape) each"
        )
