"""Nodes that learn what the baseline leaves: which ones, how they begin, and what does not change."""

from __future__ import annotations

import attrs
import pytest
import torch
from residual_toy import ResidualToy
from toy import Toy

from redheart_core import CATALOGUE, ActiveNode, Objective, PluginError
from redheart_core.contract.fields import Field
from redheart_core.data.batch import Batch
from redheart_core.data.store import Store
from redheart_core.groups.graph import bind_nodes
from redheart_core.groups.group_module import GroupModule
from redheart_core.groups.objective import training_loss
from redheart_core.training.context import TrainingContext

EKMAN = CATALOGUE["ekman"]
FIELDS = {name: CATALOGUE[name] for name in ("emotion", "regret", "choice_factors", "ekman", "votes", "utility")}


@pytest.fixture
def residual(toy: Toy) -> ResidualToy:
    return ResidualToy(toy)


def feelings(toy: Toy) -> Store:
    """The toy's records with a distribution and with 0/1 labels too."""
    emotions, fields = CATALOGUE["emotion"].labels, (CATALOGUE["emotion"], EKMAN)
    records = [
        attrs.evolve(
            record,
            values={
                **record.values,
                "emotion": {label: float(label == emotions[number % len(emotions)]) for label in emotions},
                "ekman": {label: float((number + place) % 3 == 0) for place, label in enumerate(EKMAN.labels)},
            },
        )
        for number, record in enumerate(toy.records())
    ]
    return toy.store(records, more_fields=fields)


def of_bound(nodes: list[ActiveNode], fields: dict[str, Field] = FIELDS) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {node.name: (node.baseline, node.residual_fields) for node in bind_nodes(nodes, fields)}


def test_what_both_answer_is_added_and_nothing_else(residual: ResidualToy) -> None:
    nodes = [
        residual.line("emotion", "regret"),
        residual.deep("a", "regret", "choice_factors"),
        residual.deep("b", "emotion", "regret"),
        residual.deep("c", "choice_factors"),
        residual.deep("d", "regret", residual=False),
        residual.toy.node("hidden"),
    ]
    assert of_bound(nodes) == {
        "line": ("", ()),
        "a": ("line", ("regret",)),
        "b": ("line", ("emotion", "regret")),
        "c": ("", ()),
        "d": ("", ()),
        "hidden": ("", ()),
    }
    assert all(found == ("", ()) for found in of_bound(nodes[1:]).values())


def test_the_order_of_plugins_does_not_matter(residual: ResidualToy) -> None:
    nodes = [residual.line("regret"), residual.deep("a", "regret")]
    assert of_bound(nodes) == of_bound(nodes[::-1])


def test_what_the_baseline_reads_does_not_start_from_it(residual: ResidualToy) -> None:
    line = residual.line("regret")
    line = attrs.evolve(line, spec=attrs.evolve(line.spec, reads=("embedding", "a.regret")))
    nodes = [
        line,
        residual.deep("a", "regret"),
        residual.deep("mate", "regret", group="a"),
        residual.deep("b", "regret"),
    ]
    found = of_bound(nodes)
    assert [name for name, (baseline, _) in found.items() if baseline] == ["b"]


def test_two_baselines_are_refused(residual: ResidualToy) -> None:
    with pytest.raises(PluginError, match=r"line, other are all baselines.*--disable other"):
        bind_nodes([residual.line("regret"), residual.line("regret", name="other")], FIELDS)


def test_an_answer_that_no_loss_looks_at_is_refused(residual: ResidualToy) -> None:
    node = residual.deep("a", "regret", "choice_factors")
    assert node.spec.objective is not None
    whole = node.spec.objective

    def half(context: object) -> Objective:
        objective = whole(context)  # type: ignore[arg-type]
        first, second = objective.losses
        return attrs.evolve(objective, losses=(first, attrs.evolve(first, target=second.target, shape=())))

    node = attrs.evolve(node, spec=attrs.evolve(node.spec, objective=half))
    context = residual.toy.context([residual.line("regret", "choice_factors"), node])
    with pytest.raises(
        PluginError, match=r"plugin 'a': no loss looks at its answer on choice_factors.*residual = false"
    ):
        context.module(context.groups[1])


def begun(residual: ResidualToy, *nodes: ActiveNode) -> tuple[TrainingContext, GroupModule, Batch]:
    """The second group, untrained, above the fitted baseline; and some records."""
    context = residual.toy.context(nodes, feelings(residual.toy))
    line, group = context.groups
    context.add_outputs(line, context.fit(line))
    batch = context.source.batch(context.seen_rows()[:20], group.inputs)
    return context, context.module(group), batch


ANSWERS = ("emotion", "ekman", "regret", "choice_factors")


def test_untrained_it_answers_as_the_baseline_to_the_last_bit(residual: ResidualToy) -> None:
    _, module, batch = begun(residual, residual.line(*ANSWERS), residual.deep("a", *ANSWERS))
    for training in (True, False):
        outputs = module.train(training)(batch)
        for name in ("emotion_logits", "ekman_logits", "regret", "choice_factors"):
            assert torch.equal(outputs[f"a.{name}"], batch.inputs[f"line.{name}"]), name


def test_it_starts_from_honest_answers_on_training_records_and_from_the_baselines_own_on_others(
    residual: ResidualToy,
) -> None:
    context, module, _ = begun(residual, residual.line(*ANSWERS), residual.deep("a", *ANSWERS))
    line = context.fit(context.groups[0]).eval()
    assert line.honest is not None
    for split in ("train", "validation"):
        rows = context.store.rows(split)
        outputs, own = (one.eval()(context.source.batch(rows, one.group.inputs)) for one in (module, line))
        for name in (*ANSWERS, "emotion_logits", "ekman_logits"):
            expected = line.honest.answers[f"line.{name}"] if split == "train" else own[f"line.{name}"]
            assert torch.equal(outputs[f"a.{name}"], expected), name
    own = line(context.source.batch(line.honest.rows))
    assert not torch.equal(line.honest.answers["line.regret"], own["line.regret"])


def feelings_again(residual: ResidualToy) -> Store:
    return Store.open(residual.toy.folder / "store")


def test_with_open_gates_it_is_a_sum_in_the_space_of_the_field(residual: ResidualToy) -> None:
    _, module, batch = begun(residual, residual.line(*ANSWERS), residual.deep("a", *ANSWERS, dropout=0.0))
    own = module.nodes["a"](dict(batch.inputs))
    with torch.no_grad():
        for number, gate in enumerate(module.residuals["a"].parameters()):
            gate.fill_(0.5 + number)
    outputs = module(batch)
    logits = batch.inputs["line.emotion_logits"] + 0.5 * own["emotion_logits"]
    assert torch.equal(outputs["a.emotion_logits"], logits)
    assert torch.equal(outputs["a.emotion"], logits.softmax(-1))
    assert torch.equal(outputs["a.ekman"], (batch.inputs["line.ekman_logits"] + 1.5 * own["ekman_logits"]).sigmoid())
    regret = batch.inputs["line.regret"] + 2.5 * (own["regret"] - 0.5)
    assert torch.equal(outputs["a.regret"], regret.clamp(0, 1))
    module.check_ranges(outputs)


def test_every_label_has_a_gate_that_does_not_decay_and_moves_faster(residual: ResidualToy) -> None:
    context, module, _ = begun(residual, residual.line(*ANSWERS), residual.deep("a", *ANSWERS, learning_rate_scale=0.5))
    gates = {name: tuple(gate.shape) for name, gate in module.parameter_dict().items() if "gate/" in name}
    labels = {name: (len(CATALOGUE[name].labels),) if CATALOGUE[name].labels else () for name in ANSWERS}
    assert gates == {f"a.gate/{name}": shape for name, shape in labels.items()}
    trainer = context.trainer(context.groups[1])
    assert trainer.optimizer is not None
    held = [
        (group["scale"], group["weight_decay"])
        for group in trainer.optimizer.param_groups
        for parameter in group["params"]
        if any(parameter is gate for gate in trainer.module.residuals.parameters())
    ]
    assert held == [(5.0, 0.0)] * len(ANSWERS)


def test_gates_learn_at_once_and_what_is_behind_them_after_it(residual: ResidualToy) -> None:
    context, _, batch = begun(residual, residual.line(*ANSWERS), residual.deep("a", *ANSWERS))
    trainer = context.trainer(context.groups[1])
    batch = context.source.batch(context.seen_rows()[:20], trainer.group.inputs)
    loss = training_loss(trainer.module, trainer.module(batch), batch)
    assert loss is not None
    loss.backward()  # type: ignore[no-untyped-call]
    grown = {
        name for name, parameter in trainer.parameters.items() if parameter.grad is not None and parameter.grad.any()
    }
    assert grown == {f"a.gate/{name}" for name in ANSWERS}
    accounts = context.audit(trainer)
    assert {account.state for account in accounts} == {"trained"}
    assert {account.plugin for account in accounts} == {"a"}
    assert not any(bool(gate.any()) for gate in trainer.module.residuals.parameters())


def test_without_residual_nothing_changes(residual: ResidualToy) -> None:
    context, module, batch = begun(residual, residual.line(*ANSWERS), residual.deep("a", *ANSWERS, residual=False))
    alone = residual.toy.context([residual.deep("a", *ANSWERS)], context.store)
    other = alone.module(alone.groups[0])
    assert context.groups[1].inputs == alone.groups[0].inputs
    assert module.parameter_dict().keys() == other.parameter_dict().keys()
    one, two = module.eval()(batch), other.eval()(batch)
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_group_begins_at_the_baseline_if_nothing_else_has_to_be_learnt(residual: ResidualToy) -> None:
    def begins(*nodes: ActiveNode) -> bool:
        *_, group = residual.toy.context([residual.line("regret"), *nodes], feelings_again(residual)).groups
        return group.begins_at_baseline

    residual.toy.store()
    assert begins(residual.deep("a", "regret"))
    assert begins(residual.deep("a", "regret", more=("choice_factors",)))
    assert not begins(residual.deep("a", "regret", "choice_factors"))
    assert not begins(residual.deep("a", "regret", residual=False))
    assert not begins(residual.deep("a", "regret"), residual.deep("b", "choice_factors", group="a"))
