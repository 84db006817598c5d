"""Which losses validation evaluates: those on answers, and not those that only help to learn them."""

from __future__ import annotations

import attrs
import pytest
import torch
from residual_toy import ResidualToy
from torch import Tensor, nn
from toy import Toy

from redheart_core import ActiveNode, BuildContext, LossTerm, Objective, Output
from redheart_core.groups.objective import record_losses, shapes_training, training_loss
from redheart_core.groups.validation import evaluate
from redheart_core.nn.losses import each_member, squared_error
from redheart_core.testing import load_named, make_subject, real_sample

EVALUATED = {
    "emotion_head": {"emotion_logits", "culture"},
    "regret_head": {"regret"},
    "neural_regret": {"regret", "act_regret", "regret_course"},
    "neural_surd": {"choice_factors", "causal_parts_logits"},
    "advanced_surd": {"parts_logits", "paths_logits", "transfer"},
}
"""First-party nodes to the outputs by whose losses their epochs are compared."""


class Viewed(nn.Module):
    """Another module with its answer on regret repeated in two views."""

    def __init__(self, own: nn.Module) -> None:
        super().__init__()
        self.own = own

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        regret = self.own(inputs)["regret"]
        return {"regret": regret, "views": torch.stack([regret, 1 - regret], -1)}


def with_views(toy: Toy) -> ActiveNode:
    """A node that learns regret by its answer and by two views of it, of which one is always wrong."""
    node = ResidualToy(toy).deep("a", "regret")
    assert node.spec.objective is not None
    build, objective = node.spec.build, node.spec.objective

    def both(context: BuildContext) -> Objective:
        whole = objective(context)
        views = LossTerm("views", "regret", "values", each_member(squared_error), shape=(2,))
        return attrs.evolve(whole, losses=(*whole.losses, views))

    gives = (*node.spec.gives, Output("views", "two views", "values", (2,), None, 0.0, 1.0))
    spec = attrs.evolve(node.spec, gives=gives, build=lambda context: Viewed(build(context)), objective=both)
    return attrs.evolve(node, spec=spec)


def test_validation_is_the_loss_on_the_answer_and_training_descends_all(toy: Toy) -> None:
    store = toy.store()
    context = toy.context([with_views(toy)], store)
    (group,) = context.groups
    module = context.module(group).eval()
    rows = store.rows("validation")
    batch = context.source.batch(rows, group.inputs)
    outputs = module(batch)
    answer = (outputs["a.regret"] - batch.targets["regret"]).square()
    views = (outputs["a.views"] - batch.targets["regret"].unsqueeze(-1)).square().mean(-1)
    assert set(record_losses(module, outputs, batch)) == {("a", 0), ("a", 1)}
    assert set(record_losses(module, outputs, batch, evaluated_only=True)) == {("a", 0)}
    assert evaluate(module, context.source, rows).loss == pytest.approx(float(answer.detach().mean()))
    loss = training_loss(module, outputs, batch)
    assert loss is not None
    assert loss.item() == pytest.approx(float((answer + views).detach().mean()), rel=1e-5)


@pytest.mark.parametrize("name", list(EVALUATED))
def test_of_first_party_nodes_the_answers_are_evaluated(name: str) -> None:
    (plugin,) = load_named(name)
    subject = make_subject(plugin, real_sample())
    objective = subject.blank().objectives[name]
    node = subject.node
    assert {term.output for term in objective.losses if not shapes_training(node, objective, term)} == EVALUATED[name]
