"""An evaluation counts and names every field that a plugin answers, not its first field alone."""

from __future__ import annotations

from statistics import fmean

import attrs
import pytest
from residual_toy import ResidualToy
from toy import Toy

from redheart_cli.evaluate import print_evaluation
from redheart_core import ActiveNode
from redheart_core.evaluation.evaluate import evaluate_test
from redheart_core.evaluation.results import Evaluation, MetricTable
from redheart_core.selection.picks import Pick
from redheart_core.selection.sweetspot import find_sweetspot


def evaluated(toy: Toy, *nodes: ActiveNode) -> Evaluation:
    store = toy.store()
    run, stopped = toy.run("run", nodes, store)
    assert not stopped
    sweetspot = find_sweetspot(run, [node.group for node in nodes])
    picks = {name: Pick.single("x", entry) for name, entry in sweetspot.chosen("best").items()}
    return evaluate_test(run, toy.context(nodes, store), sweetspot, picks)


def skill(table: MetricTable) -> float:
    constant, perfect = table.figures["constant"].number, 1.0 if table.direction == "max" else 0.0
    return (table.figures["crossover"].number - constant) / (perfect - constant)


def test_the_mean_skill_is_over_nodes_and_of_each_over_its_fields(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    found = evaluated(toy, ResidualToy(toy).deep("two", "regret", "choice_factors"), toy.node("one"))
    skills: dict[str, list[float]] = {}
    for table in found.main:
        skills.setdefault(table.metric.partition(".")[0], []).append(skill(table))
    assert {name: len(own) for name, own in skills.items()} == {"two": 2, "one": 1}
    assert found.skill["crossover"].number == pytest.approx(fmean(map(fmean, skills.values())), rel=1e-9)
    assert skills["two"][0] != pytest.approx(skills["two"][1], rel=0.01)
    for table in found.main:
        assert table.figures["crossover"].low is not None
    assert [one.metric for one in found.diagnostics] == [table.metric for table in found.main]
    print_evaluation(found)
    rows = {tuple(line.split()[:2]) for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert {(table.metric, table.field) for table in found.main} <= rows
    others = {(table.metric, table.field) for table in found.tables if not table.main}
    assert others
    assert not others & rows


def test_a_field_that_counts_in_no_mean_leaves_the_others_of_its_node(toy: Toy) -> None:
    records = [attrs.evolve(record, values={**record.values, "regret": 0.5}) for record in toy.records()]
    store, nodes = toy.store(records, "constant"), [ResidualToy(toy).line("regret", "choice_factors")]
    run, _ = toy.run("run", nodes, store)
    sweetspot = find_sweetspot(run, ["line"])
    picks = {name: Pick.single("x", entry) for name, entry in sweetspot.chosen("best").items()}
    found = evaluate_test(run, toy.context(nodes, store), sweetspot, picks)
    assert found.left_out == {"line on regret": "the constant predictor is perfect"}
    (counted,) = (table for table in found.main if table.field == "choice_factors")
    assert found.skill["crossover"].number == pytest.approx(skill(counted), rel=1e-9)
