"""Fields as inputs: read, optional, missing, and refused where a data set lacks them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import torch
from torch import Tensor, nn
from toy import NodeSettings, Toy

from redheart_core import (
    SCALES,
    ActiveNode,
    BuildContext,
    Field,
    LossTerm,
    NodeSpec,
    Objective,
    Output,
    PluginError,
    Record,
)
from redheart_core.contract.tensors import fill_missing_input
from redheart_core.data.store import Store
from redheart_core.groups.graph import plan_groups
from redheart_core.groups.objective import record_losses
from redheart_core.models.analysis import analyze
from redheart_core.models.assembly import assemble
from redheart_core.models.model import load_model
from redheart_core.nn.losses import squared_error
from redheart_core.nn.metrics import value_metrics
from redheart_core.selection.sweetspot import find_sweetspot

PAST = Field("past", "regret of up to four earlier days", 0.0, 1.0, axes=(4,))
MOOD = Field("mood", "how it went", 0.0, 1.0, labels=("up", "down"))


class Reader(nn.Module):
    """Mean of the text and of what is there of the past; mood only if it is learnt."""

    def __init__(self, width: int, past: bool, outputs: frozenset[str]) -> None:
        super().__init__()
        self.text = nn.Linear(width, 4)
        self.past = nn.Linear(2, 4) if past else None
        self.regret = nn.Linear(4, 1)
        self.mood = nn.Linear(4, 2) if "mood" in outputs else None
        self.rebuilt = nn.Linear(4, width)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        mask = inputs["mask"].unsqueeze(-1)
        state = self.text((inputs["embedding"] * mask).sum(1) / mask.sum(1))
        if self.past is not None:
            values, present = fill_missing_input(inputs["past"])
            count = present.sum(1)
            state = state + self.past(torch.stack([values.sum(1) / count.clamp(min=1), count.float()], -1))
        state = torch.tanh(state)
        outputs = {
            "regret": self.regret(state).squeeze(-1).sigmoid(),
            "rebuilt": self.rebuilt(state).unsqueeze(1).expand(inputs["embedding"].shape),
        }
        if self.mood is not None:
            outputs["mood"] = self.mood(state).sigmoid()
        return outputs


def reader(required: bool, **changes: Any) -> ActiveNode:
    """A node that reads the past, because it has to or where it is there."""

    def build(context: BuildContext) -> nn.Module:
        return Reader(context.input_width("embedding"), "past" in context.inputs, context.wanted)

    def objective(context: BuildContext) -> Objective:
        losses = [
            LossTerm("regret", "regret", "values", squared_error),
            LossTerm("rebuilt", "embedding", "features", squared_error, weight=0.1),
        ]
        if "mood" in context.fields:
            losses.append(LossTerm("mood", "mood", "values", squared_error))
        return Objective(tuple(losses), value_metrics("regret", "regret"))

    spec = NodeSpec(
        name="reader",
        meaning="A toy.",
        settings=NodeSettings,
        scales={scale: {} for scale in SCALES},
        reads=("embedding", "past") if required else ("embedding",),
        gives=(
            Output("regret", "The prediction.", "values", low=0.0, high=1.0),
            Output("mood", "The mood.", "values", labels="mood", low=0.0, high=1.0),
            Output("rebuilt", "The text again.", "features", ("T", 16)),
        ),
        build=build,
        objective=objective,
        targets=("regret",),
        optional_reads=() if required else ("past",),
        optional_targets=("mood",),
    )
    return ActiveNode(attrs.evolve(spec, **changes), "analyzer", "reader", "toy", "1.0", "reader", NodeSettings())


def lived(toy: Toy, missing: Callable[[int], bool] = lambda index: False) -> list[Record]:
    """The toy's records with a past of one to four days, and a mood."""
    records = []
    for index, record in enumerate(toy.records(120)):
        past = None if missing(index) else [((index + day) % 5) / 5 for day in range(1 + index % 4)]
        mood = {"up": index % 3 / 2, "down": index % 2}
        records.append(attrs.evolve(record, values={**record.values, "past": past, "mood": mood}))
    return records


def lived_store(toy: Toy, missing: Callable[[int], bool] = lambda index: False, name: str = "lived") -> Store:
    return toy.store(lived(toy, missing), name, (PAST, MOOD))


def test_a_field_that_is_read_arrives_as_it_was_given(toy: Toy) -> None:
    store = lived_store(toy)
    context = toy.context([reader(required=True)], store)
    rows = torch.tensor([5, 2])
    batch = context.source.batch(rows, context.groups[0].inputs)
    given = [lived(toy)[row].values["past"] for row in (5, 2)]
    for row, past in enumerate(given):
        assert isinstance(past, list)
        torch.testing.assert_close(batch.inputs["past"][row, : len(past)], torch.tensor(past))
        assert batch.inputs["past"][row, len(past) :].isnan().all()


def test_a_data_set_without_a_field_that_is_read_refuses_the_plugin_by_name(toy: Toy) -> None:
    with pytest.raises(PluginError, match=r"plugin 'reader' reads 'past', which the data set lacks .*choice_factors"):
        toy.context([reader(required=True)], toy.store())


def test_a_field_that_no_record_has_counts_as_absent(toy: Toy) -> None:
    with pytest.raises(PluginError, match="plugin 'reader' reads 'past', which no train record has"):
        toy.context([reader(required=True)], lived_store(toy, missing=lambda index: True))


def test_a_node_must_not_read_what_it_is_to_learn() -> None:
    with pytest.raises(PluginError, match="plugin 'reader' reads 'regret', which it is to learn"):
        plan_groups([reader(required=True, reads=("embedding", "regret"))])


def test_what_is_optional_is_built_where_the_fields_are_and_only_there(toy: Toy) -> None:
    with_all = toy.context([reader(required=False)], lived_store(toy))
    without = toy.context([reader(required=False)], toy.store())
    names = [set(context.module(context.groups[0]).parameter_dict()) for context in (with_all, without)]
    assert {name.split(".")[1] for name in names[0] - names[1]} == {"past", "mood"}
    assert not names[1] - names[0]
    for context in (with_all, without):
        (group,) = context.groups
        assert all(account.accounted for account in context.audit(context.trainer(group)))


def test_records_without_a_required_field_count_neither_in_losses_nor_in_metrics(toy: Toy) -> None:
    context = toy.context([reader(required=True)], lived_store(toy, missing=lambda index: index % 2 == 0))
    module = context.module(context.groups[0]).eval()
    rows = torch.arange(10)
    batch = context.source.batch(rows, context.groups[0].inputs)
    for present, losses in record_losses(module, module(batch), batch).values():
        assert present.tolist() == [False, True] * 5
        assert losses.shape == (5,)


def test_who_reads_a_node_needs_the_fields_that_the_node_needs(toy: Toy) -> None:
    nodes = [reader(required=True), toy.node("above", reads=("reader.regret",))]
    groups = plan_groups(nodes)
    assert {name: fields for group in groups for name, fields in group.requires.items()} == {
        "reader": ("past",),
        "above": ("past",),
    }


def test_records_without_an_optional_field_count(toy: Toy) -> None:
    context = toy.context([reader(required=False)], lived_store(toy, missing=lambda index: index % 2 == 0))
    module = context.module(context.groups[0]).eval()
    batch = context.source.batch(torch.arange(10), context.groups[0].inputs)
    for present, losses in record_losses(module, module(batch), batch).values():
        assert present.all()
        assert bool(losses.isfinite().all())


def test_a_loss_on_the_embedding_leaves_out_padded_chunks(toy: Toy) -> None:
    context = toy.context([reader(required=False)], lived_store(toy))
    module = context.module(context.groups[0]).eval()
    batch = context.source.batch(torch.arange(6), context.groups[0].inputs)
    outputs = module(batch)
    (number,) = [n for n, term in enumerate(module.objectives["reader"].losses) if term.target == "embedding"]
    _, losses = record_losses(module, outputs, batch)["reader", number]
    for row in range(6):
        real = batch.inputs["mask"][row]
        expected = (outputs["reader.rebuilt"][row, real] - batch.inputs["embedding"][row, real]).square().mean()
        torch.testing.assert_close(losses[row], expected)


def test_an_analysis_takes_the_fields_and_says_nothing_without_those_it_needs(toy: Toy) -> None:
    store, nodes = lived_store(toy), [reader(required=True)]
    run, _ = toy.run("run", nodes, store)
    context = toy.context(nodes, store)
    assemble(toy.folder / "model", run, context, find_sweetspot(run, ["reader"]).chosen("best"))
    model = load_model(toy.folder / "model", nodes, torch.device("cpu"))
    assert model.read_fields == ("past",)
    assert model.missing_fields(()) == {"reader": ("past",)}
    text = "calm kind late cruel."
    assert analyze(model, toy.encoder(), text).findings == ()
    first, second = (
        analyze(model, toy.encoder(), text, values={"past": past}).findings for past in ([0.0], [1.0, 1.0])
    )
    assert [finding.field for finding in first] == ["regret"]
    assert first[0].values[0].value != second[0].values[0].value
