"""Modules by names that users choose."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.func import functional_call

from redheart_core.nn.named import Named

NAMES = ("mood", "type", "type_", "values", "training", "기분", "items")


def test_every_name_is_taken_kept_apart_and_found_again() -> None:
    modules = {name: nn.Linear(1, 1) for name in NAMES}
    named = Named(modules)
    assert dict(named.items()) == modules
    assert (list(named), list(named.keys()), len(named)) == (list(NAMES), list(NAMES), len(NAMES))
    assert all(named[name] is module and name in named for name, module in modules.items())
    assert "half" not in named


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_reached_by_name_as_of_any_module(name: str) -> None:
    layer = nn.Linear(2, 2)
    state = {key: torch.ones_like(tensor) for key, tensor in Named({name: layer}).state_dict().items()}
    holder = nn.Sequential(Named({name: layer}))
    assert len(state) == 2
    assert torch.equal(holder.get_parameter(f"0.{next(iter(state))}"), layer.weight)
    given = functional_call(Used(name, layer), {f"named.{key}": tensor for key, tensor in state.items()}, torch.ones(2))
    assert given.tolist() == [3.0, 3.0]


def test_other_names_stand_unchanged_in_the_names_of_parameters() -> None:
    assert list(Named({"mood": nn.Linear(1, 1)}).state_dict()) == ["mood.weight", "mood.bias"]
    assert list(Named({"type": nn.Linear(1, 1)}).state_dict()) == ["type_.weight", "type_.bias"]


class Used(nn.Module):
    """Calls one of its named modules."""

    def __init__(self, name: str, layer: nn.Module) -> None:
        super().__init__()
        self.name, self.named = name, Named({name: layer})

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.named[self.name](given)
        return result
