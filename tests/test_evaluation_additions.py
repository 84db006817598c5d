"""What a group adds to a fusion, where the answer is known."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import attrs
import pytest
import torch
from test_groups_gathering import answering, bound, gathering, named_output
from toy import Toy

from redheart_core import ActiveNode, DataError
from redheart_core.data.field_numbers import FieldNumbers
from redheart_core.data.store import Store
from redheart_core.evaluation.additions import Addition, above_nothing, additions_table, measure_additions
from redheart_core.exact.interval import Interval
from redheart_core.groups.leaving_out import leave_out
from redheart_core.runs.run import RunFolder
from redheart_core.testing import activate, load_installed
from redheart_core.training.context import TrainingContext


def trained(toy: Toy, nodes: list[ActiveNode], store: Store) -> tuple[RunFolder, TrainingContext]:
    run, stopped = toy.run("run", nodes, store, epochs=1)
    assert stopped == {}
    return run, toy.context(nodes, store, epochs=1)


def by_group(found: list[Addition], field: str = "regret") -> dict[str, Addition]:
    return {one.group: one for one in found if one.field == field}


class Known(torch.nn.Module):
    """Answers with the target that its embedding's first number stands for, and noise."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(scale), requires_grad=False)

    def forward(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        mask = inputs["mask"].unsqueeze(-1)
        mean = (inputs["embedding"] * mask).sum(1) / mask.sum(1)
        value = mean[:, 0] if float(self.weight) == 1 else mean[:, 1]
        return {"regret": (0.5 + value / 4).clamp(0, 1)}


def known(toy: Toy, name: str, scale: float) -> ActiveNode:
    """A node that is fitted by nothing and answers with one number of the mean embedding."""
    node = answering(toy, name)
    objective = named_output(node).spec.objective
    spec = attrs.evolve(
        node.spec, build=lambda context: Known(scale), fit=lambda module, data: None, objective=objective
    )
    return attrs.evolve(node, spec=spec)


def store_of_halves(toy: Toy) -> Store:
    """Regret is the mean of what the first and the second number of the mean embedding say."""
    store = toy.store(toy.records(400))
    batch, mask = store.batch(torch.arange(len(store)))
    mean = (batch * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True)
    regret = (0.5 + (mean[:, 0] + mean[:, 1]) / 8).clamp(0, 1)
    store._targets["regret"] = FieldNumbers.encode(regret.numpy())
    return store


def test_each_half_of_a_target_adds_and_a_copy_adds_nothing(toy: Toy) -> None:
    nodes = [known(toy, "one_half", 1.0), known(toy, "other", 2.0), known(toy, "again", 1.0)]
    run, context = trained(toy, [*nodes, activate(load_installed("stacking_fusion"))], store_of_halves(toy))
    found = by_group(measure_additions(run, context))
    assert found["other"].gain.number > 90
    assert found["other"].gain.is_above(0.0)
    for copy in ("one_half", "again"):
        assert abs(found[copy].gain.number) < 1 or found[copy].loss < 1e-9
    assert {one.members for one in found.values()} == {3}
    assert above_nothing(list(found.values()))["other"]


def test_the_only_answer_is_measured_against_the_constant(toy: Toy) -> None:
    nodes = [known(toy, "one_half", 1.0), named_output(answering(toy, "third", "choice_factors"))]
    run, context = trained(toy, [*nodes, activate(load_installed("mean_fusion"))], store_of_halves(toy))
    found = by_group(measure_additions(run, context))
    store = context.store
    rows = store.rows("validation")
    mean = store.target("regret")[store.rows("train")].double().mean()
    base = (store.target("regret")[rows].double() - mean).square().mean()
    assert found["one_half"].gain.number == pytest.approx(100 * (1 - found["one_half"].loss / float(base)), rel=1e-3)
    assert found.keys() == {"one_half"}


def test_a_group_is_left_out_with_all_its_nodes_and_readers_of_it_stay(toy: Toy) -> None:
    first, second = known(toy, "first", 1.0), attrs.evolve(known(toy, "second", 2.0), group="first")
    reader = named_output(answering(toy, "reader", reads=("embedding", "first.regret")))
    run, context = trained(toy, [first, second, reader, activate(load_installed("mean_fusion"))], store_of_halves(toy))
    found = by_group(measure_additions(run, context))
    assert found.keys() == {"first", "reader"}
    assert {one.members for one in found.values()} == {3}


def test_a_run_without_a_fusion_is_refused(toy: Toy) -> None:
    run, context = trained(toy, [known(toy, "one_half", 1.0)], store_of_halves(toy))
    with pytest.raises(DataError, match="no fusion is finished in this run"):
        measure_additions(run, context)


def test_of_two_fusions_that_of_the_least_loss_counts(toy: Toy, tmp_path: Path) -> None:
    nodes = [known(toy, "one_half", 1.0), known(toy, "other", 2.0)]
    nodes += [activate(load_installed(name)) for name in ("mean_fusion", "stacking_fusion")]
    found = by_group(measure_additions(*trained(toy, nodes, store_of_halves(toy))))
    assert {one.fusion for one in found.values()} == {"stacking_fusion"}


def test_a_fusion_without_some_members_and_fields_reads_and_gives_the_rest(toy: Toy) -> None:
    nodes = [answering(toy, "a"), answering(toy, "b"), answering(toy, "c", "choice_factors")]
    fusion = bound(*nodes, gathering())["fusion"]
    without = cast(ActiveNode, leave_out(fusion, {"a.regret"}, {"regret", "choice_factors"})).spec
    assert without.reads == ("b.regret", "c.choice_factors")
    assert without.targets == without.gathers == ("regret", "choice_factors")
    alone = cast(ActiveNode, leave_out(fusion, {"a.regret"}, {"regret"})).spec
    assert alone.reads == ("b.regret",)
    assert alone.targets == alone.gathers == alone.optional_targets == ("regret",)
    assert [output.name for output in alone.gives] == ["regret"]
    assert leave_out(fusion, {"a.regret", "b.regret"}, {"regret"}) is None
    assert cast(ActiveNode, leave_out(fusion, (), {"regret", "choice_factors"})).spec == fusion.spec


def test_the_table_has_a_row_for_each_group_and_says_what_adds() -> None:
    table = additions_table(
        [
            Addition("one", "regret", "stack", 2, 10, 0.5, Interval(3.0, 1.0, 5.0)),
            Addition("two", "regret", "stack", 2, 10, 0.5, Interval(0.1, -1.0, 1.0)),
            Addition("two", "votes", "stack", 1, 9, 0.7, Interval(-0.1, -1.0, 1.0)),
        ]
    )
    assert table.splitlines() == [
        "| without | regret | votes | adds |",
        "|---|---|---|---|",
        "| one | +3.00 [+1.00, +5.00] |  | yes |",
        "| two | +0.10 [-1.00, +1.00] | -0.10 [-1.00, +1.00] (the only answer) | no |",
        "| loss of all | 0.5000 (stack of 2) | 0.7000 (stack of 1) | |",
    ]
