"""The account of parameters notices what would never be trained."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import torch
from torch import Tensor, nn
from toy import Toy

from redheart_core import ActiveNode, AuditError, PluginError, ShapeError
from redheart_core.runs.accounts import ParameterAccount
from redheart_core.training.audit import require_complete, totals


def test_every_parameter_of_sound_plugins_is_accounted_for(toy: Toy) -> None:
    context = toy.context(
        [toy.node("a"), toy.node("b", target="choice_factors", group="a"), toy.node("c", reads=("a.value",))]
    )
    accounts = context.audit_all()
    require_complete(accounts)
    expected = {
        (group.name, name.removeprefix("nodes."))
        for group in context.groups
        for name, _ in context.module(group).named_parameters()
    }
    assert {(account.group, f"{account.plugin}.{account.name}") for account in accounts} == expected
    lines = totals(accounts)
    assert lines[-1].elements == sum(line.elements for line in lines[:-1]) == lines[-1].in_optimizer
    assert lines[-1].live == sum(line.live for line in lines[:-1])


class Unused(nn.Module):
    """Has a layer that nothing uses."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.unused = inner, nn.Linear(3, 3)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        given: dict[str, Tensor] = self.inner(inputs)
        return given


class Dead(Unused):
    """Has a layer whose gradient is exactly zero."""

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        given = super().forward(inputs)
        return {"value": given["value"] + 0.0 * self.unused(torch.ones(3)).sum()}


class Growing(Unused):
    """Adds a layer in its forward pass."""

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        self.unused = nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 1)])  # type: ignore[assignment]
        return super().forward(inputs)


class Frozen(Unused):
    """Has a layer that is not to be trained."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__(inner)
        self.unused.requires_grad_(False)


class Wide(Unused):
    """Gives (B, 1) where (B,) is declared."""

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"value": super().forward(inputs)["value"].unsqueeze(-1)}


class OutOfRange(Unused):
    """Gives numbers beyond the declared range."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__(inner)
        del self.unused

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"value": super().forward(inputs)["value"] * 3 + 1}


def wrapped(toy: Toy, wrapper: type[Unused]) -> ActiveNode:
    node: ActiveNode = toy.node("bad")
    build = node.spec.build
    return attrs.evolve(node, spec=attrs.evolve(node.spec, build=lambda context: wrapper(build(context))))


@pytest.mark.parametrize(("wrapper", "reason"), [(Unused, "no gradient"), (Dead, "gradient exactly zero")])
def test_training_is_refused_with_the_names_of_dead_parameters(toy: Toy, wrapper: type[Unused], reason: str) -> None:
    with pytest.raises(AuditError, match=rf"unused\.weight of plugin 'bad', group 'bad', 9 elements: {reason}"):
        toy.run("run", [toy.node("good"), wrapped(toy, wrapper)])
    assert not (toy.folder / "run" / "groups").exists()


def test_parameters_that_appear_in_the_forward_pass_are_refused(toy: Toy) -> None:
    with pytest.raises(AuditError, match="a forward pass added parameters"):
        toy.run("run", [wrapped(toy, Growing)])


def test_frozen_parameters_are_accounted_for_as_such(toy: Toy) -> None:
    accounts = toy.context([wrapped(toy, Frozen)]).audit_all()
    require_complete(accounts)
    assert {account.name for account in accounts if account.state == "frozen"} == {"unused.weight", "unused.bias"}
    assert totals(accounts)[-1].frozen == 12


def test_an_output_of_another_shape_is_an_error_and_not_a_broadcast(toy: Toy) -> None:
    with pytest.raises(ShapeError, match=r"output 'value' of plugin 'bad' has to be \(B\) = \(16,\), got \(16, 1\)"):
        toy.run("run", [wrapped(toy, Wide)])


def test_an_output_out_of_its_range_is_refused(toy: Toy) -> None:
    with pytest.raises(ShapeError, match=r"output 'value' of plugin 'bad' has to lie in 0\.\.1"):
        toy.run("run", [wrapped(toy, OutOfRange)])


def test_a_loss_that_is_not_one_number_per_record_is_refused(toy: Toy) -> None:
    def broadcasting(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
        return (prediction.unsqueeze(-1) - target).square()

    with pytest.raises(ShapeError, match=r"plugin 'a': the loss on 'regret' has to give one number per record"):
        toy.run("run", [toy.node("a", loss=broadcasting)])


def test_an_error_inside_a_plugin_names_it(toy: Toy) -> None:
    def failing(_: Any) -> nn.Module:
        raise KeyError("width")

    node = toy.node("a")
    broken = attrs.evolve(node, spec=attrs.evolve(node.spec, build=failing))
    with pytest.raises(PluginError, match="plugin 'a' failed in build: KeyError: 'width'"):
        toy.run("run", [broken])


def test_an_error_inside_a_plugin_names_the_last_line_of_its_own_code(toy: Toy) -> None:
    def failing(_: Any) -> nn.Module:
        return nn.Linear(-1, 2)  # fails below, in torch

    node, line = toy.node("a"), failing.__code__.co_firstlineno + 1
    broken = attrs.evolve(node, spec=attrs.evolve(node.spec, build=failing))
    with pytest.raises(
        PluginError, match=rf"failed in build: RuntimeError: .*\(test_training_audit\.py, line {line}\)$"
    ):
        toy.run("run", [broken])


def test_a_width_and_labels_that_are_not_there_are_named(toy: Toy) -> None:
    for asked, says in (
        (lambda context: context.input_width("embeding"), "'embeding' is no input with a width"),
        (lambda context: context.labels("regrets"), "there is no field 'regrets' here"),
    ):
        node = toy.node("a")
        broken = attrs.evolve(node, spec=attrs.evolve(node.spec, build=asked))
        with pytest.raises(PluginError, match=f"plugin 'a', build: {says} .*(embedding|regret)"):
            toy.run("run", [broken])


def test_an_account_says_what_is_wrong() -> None:
    account = ParameterAccount("g", "p", "w", 4, "gradient not finite", True, 0)
    with pytest.raises(AuditError, match="w of plugin 'p', group 'g', 4 elements: gradient not finite"):
        require_complete([account])
