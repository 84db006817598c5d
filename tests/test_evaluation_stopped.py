"""A group whose metric fails on the test split is left out alone, by name; the others are evaluated as ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from torch import Tensor
from toy import Toy, hooks

from redheart_core import ActiveNode, DataError, Metric
from redheart_core.evaluation.evaluate import evaluate_test
from redheart_core.evaluation.results import Evaluation
from redheart_core.runs.run import RunFolder
from redheart_core.selection.picks import Pick
from redheart_core.selection.sweetspot import find_sweetspot, trained_groups
from redheart_core.training.loop import train

FAILING: dict[str, int] = {}
"""Node to the number of records at which its metric fails; 0 stands for any number."""
ALL, TEST = 0, -1


def fussy(toy: Toy, name: str, **changes: Any) -> ActiveNode:
    """A node with a second metric that can be made to fail."""
    node = toy.node(name, **changes)
    make = node.spec.objective
    assert make is not None

    def metric(prediction: Tensor, target: Tensor, present: Tensor) -> float:
        if FAILING.get(name) in (0, len(prediction)):
            raise ValueError("not on these records")
        return float(prediction.mean())

    def objective(context: Any) -> Any:
        found = make(context)
        return attrs.evolve(found, metrics=(*found.metrics, Metric("fussy", "value", "regret", metric, "min")))

    return attrs.evolve(node, spec=attrs.evolve(node.spec, objective=objective))


@pytest.fixture
def evaluate(toy: Toy) -> Callable[..., Evaluation]:
    """Evaluates one finished run, while the metrics of some nodes fail on all records or on those of the test split."""
    nodes = [fussy(toy, "bad"), fussy(toy, "good"), fussy(toy, "high", reads=("bad.value", "embedding"))]
    context = toy.context(nodes, toy.store())
    run = RunFolder(toy.folder / "run")
    assert train(run, context, hooks()) == {}
    sweetspot = find_sweetspot(run, trained_groups(run))
    picks = {name: Pick.single("selection", entry) for name, entry in sweetspot.chosen("best").items()}
    sizes = {split: len(context.store.rows(split)) for split in ("validation", "test")}
    assert sizes["validation"] != sizes["test"]

    def evaluate(**failing: int) -> Evaluation:
        FAILING.update({name: sizes["test"] if where == TEST else where for name, where in failing.items()})
        try:
            return evaluate_test(run, context, sweetspot, picks)
        finally:
            FAILING.clear()

    return evaluate


@pytest.mark.parametrize("where", [ALL, TEST])
def test_a_metric_that_fails_stops_its_group_alone(evaluate: Callable[..., Evaluation], where: int) -> None:
    whole, part = evaluate(), evaluate(bad=where)
    assert whole.stopped == {}
    assert list(part.stopped) == ["bad"]
    assert "plugin 'bad' failed in metric 'fussy': ValueError: not on these records" in part.stopped["bad"]
    assert {table.group for table in part.tables} == {"good", "high"}
    kept = {table.metric: table for table in part.tables}
    assert all(kept[table.metric] == table for table in whole.tables if table.group == "good")
    assert all(set(losses) == {"good", "high"} for losses in part.losses.values())
    assert {one.metric.split(".")[0] for one in part.diagnostics} == {"good", "high"}


def test_if_no_group_is_left_that_is_an_error(evaluate: Callable[..., Evaluation]) -> None:
    with pytest.raises(DataError, match=r"no group can be evaluated:[\s\S]*plugin 'bad' failed in metric 'fussy'"):
        evaluate(bad=TEST, good=TEST, high=TEST)
