"""What is undefined on some records is null with its reason; an error of one group's data stops that group alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from torch import Tensor
from toy import Toy

from redheart_core import ActiveNode, DataError, Metric, PluginError, Record, UndefinedError
from redheart_core.data.store import Store
from redheart_core.evaluation.evaluate import evaluate_test
from redheart_core.evaluation.results import EVALUATION
from redheart_core.exact.bootstrap import interval
from redheart_core.models.analysis import analyze
from redheart_core.models.assembly import assemble
from redheart_core.models.model import load_model
from redheart_core.nn.metrics import root_mean_squared_error
from redheart_core.report.collect_results import read_evaluation
from redheart_core.selection.picks import Pick
from redheart_core.selection.sweetspot import find_sweetspot, trained_groups

CPU = torch.device("cpu")


def constant_in(toy: Toy, *splits: str) -> Store:
    """A store in which regret is the same in these splits."""
    plain = toy.store(name="plain")
    held = {plain.ids[row] for split in splits for row in plain.rows(split).tolist()}

    def changed(record: Record) -> Record:
        values = {**record.values, "regret": 0.1} if record.id in held else record.values
        return attrs.evolve(record, values=values)

    return toy.store([changed(record) for record in toy.records()], "-".join(("constant", *splits)))


@pytest.mark.parametrize("splits", [("validation",), ("test",), ("train", "validation", "calibration", "test")])
def test_a_constant_target_goes_all_the_way_to_an_answer(toy: Toy, tmp_path: Path, splits: tuple[str, ...]) -> None:
    store = constant_in(toy, *splits)
    nodes = [toy.node("a"), toy.node("b", target="choice_factors"), toy.node("high", reads=("a.value",))]
    run, stopped = toy.run("run", nodes, store)
    assert not stopped
    entry = run.group("a").read().best
    if "validation" in splits:
        assert entry.metrics["a.explained_variance"] is None
        assert "the target is constant" in entry.undefined["a.explained_variance"]
    else:
        assert entry.undefined == {}
    json.loads(run.group("a").manifest_file.read_text(), parse_constant=refuse)
    context, sweetspot = toy.context(nodes, store), find_sweetspot(run, trained_groups(run))
    chosen = sweetspot.chosen("best")
    result = evaluate_test(run, context, sweetspot, {name: Pick.single("x", one) for name, one in chosen.items()})
    table = next(table for table in result.tables if table.metric == "a.explained_variance")
    if "test" in splits:
        assert table.figures["crossover"].value is None
        assert "the target is constant" in table.figures["crossover"].reason
    written = tmp_path / "evaluation.json"
    EVALUATION.write(written, result)
    assert read_evaluation(written, set(chosen)) == result
    assemble(tmp_path / "model", run, context, chosen)
    model = load_model(tmp_path / "model", context.nodes, CPU)
    found = {finding.plugin: finding for finding in analyze(model, toy.encoder(), "calm kind late").findings}
    (value,) = found["a"].values
    assert (value.deviations is None) == ("train" in splits)
    assert value.training_mean is not None


def test_a_constant_predictor_that_is_perfect_leaves_the_node_out_of_the_means(toy: Toy) -> None:
    store = constant_in(toy, "train", "validation", "test")
    nodes = [toy.node("a"), toy.node("b", target="choice_factors")]
    run, _ = toy.run("run", nodes, store)
    sweetspot = find_sweetspot(run, ["a", "b"])
    picks = {name: Pick.single("x", entry) for name, entry in sweetspot.chosen("best").items()}
    result = evaluate_test(run, toy.context(nodes, store), sweetspot, picks)
    assert result.left_out == {"a on regret": "the constant predictor is perfect"}
    only, _ = toy.run("only", [nodes[1]], store)
    sweetspot = find_sweetspot(only, ["b"])
    alone = evaluate_test(only, toy.context([nodes[1]], store), sweetspot, {"b": picks["b"]})
    assert result.skill["crossover"] == alone.skill["crossover"]


def test_one_validation_record_is_enough_to_train_and_to_choose(toy: Toy) -> None:
    plain = toy.store(name="plain")
    extra = {plain.ids[row] for row in plain.rows("validation")[1:].tolist()}
    store = toy.store([record for record in toy.records() if record.id not in extra], "single")
    assert len(store.rows("validation")) == 1
    run, stopped = toy.run("run", [toy.node("a"), toy.node("b", target="choice_factors")], store)
    assert not stopped
    assert run.group("a").read().best.metrics["a.explained_variance"] is None
    assert find_sweetspot(run, ["a", "b"]).chosen("best").keys() == {"a", "b"}


def test_resamples_without_a_value_are_left_out_and_too_many_leave_no_interval() -> None:
    draws = torch.arange(100.0, dtype=torch.float64)
    holes = torch.cat([draws, torch.full((100,), torch.nan)])
    assert interval(50.0, holes) == interval(50.0, draws)
    assert interval(50.0, torch.cat([holes, holes[-1:]])).low is None


def fails(error: Exception) -> Callable[..., Any]:
    def function(*_: object) -> Any:
        raise error

    return function


def undefined(*_: object) -> float:
    raise UndefinedError("nothing ranks nothing")


@pytest.mark.parametrize("function", [undefined, lambda *_: float("nan"), lambda *_: float("-inf")])
def test_a_plugin_may_say_that_a_metric_is_undefined(toy: Toy, function: Callable[..., float]) -> None:
    run, stopped = toy.run("run", [with_metrics(toy.node("a"), function)])
    assert not stopped
    for entry in run.group("a").read().epochs:
        assert entry.metrics["a.extra"] is None
        assert entry.undefined["a.extra"]


ERRORS = [DataError("label 'joy' is in no record"), ValueError("only one class"), ZeroDivisionError("division by zero")]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
@pytest.mark.parametrize("where", ["loss", "metric", "objective", "late loss"])
def test_an_error_of_one_group_stops_it_alone_and_names_it(toy: Toy, error: Exception, where: str) -> None:
    calls = 0

    def late(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        if calls > 30:
            raise error
        return (prediction - target).square()

    node = {
        "loss": lambda: toy.node("bad", loss=fails(error)),
        "metric": lambda: with_metrics(toy.node("bad"), fails(error)),
        "objective": lambda: with_objective(toy.node("bad"), fails(error)),
        "late loss": lambda: toy.node("bad", loss=late),
    }[where]()
    store = toy.store()
    run, stopped = toy.run("run", [node, toy.node("good")], store)
    assert list(stopped) == ["bad"]
    assert "plugin 'bad'" in stopped["bad"]
    assert str(error) in stopped["bad"]
    assert run.group("bad").read().status == "stopped"
    assert run.group("good").read().status == "finished"
    assert toy.run("run", [node, toy.node("good")], store)[1] == stopped


def test_a_fit_that_fails_stops_its_group_alone(toy: Toy) -> None:
    node = toy.node("bad")
    spec = attrs.evolve(node.spec, fit=fails(ValueError("singular matrix")))
    run, stopped = toy.run("run", [attrs.evolve(node, spec=spec), toy.node("good")])
    assert list(stopped) == ["bad"]
    assert stopped["bad"].startswith("plugin 'bad' failed in fit: ValueError: singular matrix (")
    assert run.group("good").read().status == "finished"


def test_a_loss_or_metric_of_too_few_arguments_is_refused_when_it_is_built(toy: Toy) -> None:
    def two(prediction: Any, target: Any) -> Any:
        return (prediction - target).square()

    for node, what in (
        (toy.node("a", loss=two), "loss on 'regret'"),
        (with_metrics(toy.node("a"), two), "metric 'extra'"),
    ):
        says = (
            rf"plugin 'a': the {what} is called with \(prediction, target, present\), and its function takes \(predict"
        )
        with pytest.raises(PluginError, match=says):
            toy.context([node]).audit_all()


def test_a_full_disk_stops_everything(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    from redheart_core.runs.checkpoint import GroupFolder

    monkeypatch.setattr(GroupFolder, "add_epoch", fails(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        toy.run("run", [toy.node("a"), toy.node("b")])


def with_metrics(node: ActiveNode, function: Callable[..., float]) -> ActiveNode:
    """The node with a main metric that always has a value and another one."""
    make = node.spec.objective
    assert make is not None

    def objective(context: Any) -> Any:
        main = Metric("main", "value", "regret", root_mean_squared_error, "min")
        return attrs.evolve(make(context), metrics=(main, Metric("extra", "value", "regret", function, "min")))

    return with_objective(node, objective)


def with_objective(node: ActiveNode, objective: Callable[..., Any]) -> ActiveNode:
    return attrs.evolve(node, spec=attrs.evolve(node.spec, objective=objective))


def refuse(name: str) -> object:
    raise ValueError(name)
