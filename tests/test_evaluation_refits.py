"""Closed forms on top of others are fitted again in the variants that change what they read, and only there."""

from __future__ import annotations

import attrs
import torch
from test_groups_gathering import answering, named_output
from toy import Toy

from redheart_core import ActiveNode
from redheart_core.contract.fitting import FitData
from redheart_core.evaluation.evaluate import evaluate_test
from redheart_core.evaluation.results import Evaluation
from redheart_core.selection.picks import Pick
from redheart_core.selection.sweetspot import find_sweetspot, trained_groups
from redheart_core.testing import activate, load_installed


class Scaled(torch.nn.Module):
    """A lower answer times one number, which is fitted on the training records."""

    def __init__(self, read: str) -> None:
        super().__init__()
        self.read = read
        self.weight = torch.nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"regret": (inputs[self.read] * self.weight).clamp(0, 1)}


def scaled(toy: Toy, read: str) -> ActiveNode:
    node = named_output(answering(toy, "scaled", reads=("embedding", read)))

    def fit(module: torch.nn.Module, data: FitData) -> None:
        answer, target = data.train.output(read), data.train.field("regret")
        assert isinstance(module, Scaled)
        with torch.no_grad():
            module.weight.copy_((answer * target).sum() / answer.square().sum())

    return attrs.evolve(node, spec=attrs.evolve(node.spec, build=lambda context: Scaled(read), fit=fit))


def evaluated(toy: Toy, read: str) -> Evaluation:
    nodes = [named_output(answering(toy, "first")), scaled(toy, read)]
    nodes += [activate(load_installed(name)) for name in ("linear", "mean_fusion")]
    store = toy.store(toy.records(300))
    run, stopped = toy.run("run", nodes, store, epochs=3, learning_rate=3e-2)
    assert stopped == {}
    context = toy.context(nodes, store, epochs=3, learning_rate=3e-2)
    sweetspot = find_sweetspot(run, trained_groups(run))
    picks = {group: Pick.single("selection", entry) for group, entry in sweetspot.chosen("best").items()}
    return evaluate_test(run, context, sweetspot, picks)


def test_a_closed_form_that_learns_on_answers_of_training_records_is_fitted_again_where_these_change(toy: Toy) -> None:
    refits = evaluated(toy, "first.regret").refits
    assert refits["crossover"] == {}
    assert refits["swa"].keys() == {"scaled", "mean_fusion"}


def test_a_closed_form_on_another_one_stays_where_networks_change(toy: Toy) -> None:
    refits = evaluated(toy, "linear.regret").refits
    assert refits["crossover"] == {}
    assert refits["swa"].keys() == {"mean_fusion"}
