"""Whether the weights of a model fit a group that is to begin at them."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from redheart_core.contract.errors import SettingsError
from redheart_core.groups.group_module import GroupModule


def fitting(weights: Mapping[str, Tensor], module: GroupModule) -> Mapping[str, Tensor]:
    """The weights of a model, which are those of a group.

    Raises:
        SettingsError: The settings of the group want others.
    """
    different = shapes_differ(module, weights)
    if different:
        raise SettingsError(
            f"group '{module.group.name}' cannot begin at the model with these settings: {different}; leave out what "
            "changes its weights, or --start-from"
        )
    return weights


def shapes_differ(module: GroupModule, weights: Mapping[str, Tensor]) -> str:
    """How the weights of a model differ from those of a group in names and shapes; empty if they do not."""
    here = {name: tuple(tensor.shape) for name, tensor in module.parameter_dict().items()}
    there = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if here == there:
        return ""
    name = min(name for name in {*here, *there} if here.get(name) != there.get(name))
    shapes = [f"of shape {table[name]}" if name in table else "missing" for table in (there, here)]
    return f"{name} is {shapes[0]} in the model and {shapes[1]} here"
