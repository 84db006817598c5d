"""One answer per field: that of a fusion, or of the best node on validation."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
import torch
from test_groups_gathering import answering, named_output
from toy import Toy
from trained_toy import Trained

from redheart_core import ActiveNode
from redheart_core.data.field_numbers import FieldNumbers
from redheart_core.groups.validation import evaluate
from redheart_core.models.analysis import analyze, answer_fields
from redheart_core.models.answering import rank_answers
from redheart_core.models.assembly import assemble
from redheart_core.models.manifest import AnswerSource
from redheart_core.models.model import Model, load_model
from redheart_core.nn.answer_losses import answer_losses
from redheart_core.selection.sweetspot import find_sweetspot, trained_groups
from redheart_core.testing import activate, load_installed
from redheart_core.training.context import TrainingContext
from redheart_core.training.cross_fitting import cross_fitted

TEXT = "cruel debt. lost gift broken."


def made(toy: Toy, folder: Path, *fusions: str, records: int = 200) -> tuple[Model, TrainingContext]:
    """A model of two answers on regret, one on choice factors, and fusions; linear answers both."""
    nodes: list[ActiveNode] = [named_output(answering(toy, "first")), named_output(answering(toy, "second"))]
    nodes += [named_output(answering(toy, "third", "choice_factors"))]
    nodes += [activate(load_installed(name)) for name in ("linear", *fusions)]
    store = toy.store(toy.records(records))
    run, stopped = toy.run("run", nodes, store, epochs=2, learning_rate=3e-2)
    assert stopped == {}
    context = toy.context(nodes, store, epochs=2, learning_rate=3e-2)
    assemble(folder, run, context, find_sweetspot(run, trained_groups(run)).chosen("best"))
    return load_model(folder, nodes, torch.device("cpu")), context


def sources(model: Model, field: str) -> list[str]:
    return [source.plugin for source in model.manifest.answers[field]]


def test_without_a_fusion_the_answer_is_that_of_the_best_node_on_validation(toy: Toy, trained: Trained) -> None:
    rows = trained.context.store.rows("validation")
    modules, results, losses = {}, {}, {}
    for group in trained.context.groups:
        pool = trained.pool(group.name)
        module = modules[group.name] = pool.module
        results[group.name] = evaluate(module, trained.context.source, rows)
        trained.context.add_outputs(group, module, ("validation",))
        (name,) = results[group.name].predictions
        field = trained.context.store.fields[group.targets[0]]
        target = trained.context.store.target(field.name)[rows]
        losses[group.name] = float(answer_losses(field, results[group.name].predictions[name], target).nanmean())
    found = rank_answers(trained.context, modules, results)
    assert list(found) == ["choice_factors", "regret"]
    assert {source.plugin: source.loss for source in found["regret"]} == {n: losses[n] for n in ("a", "high")}
    assert [source.plugin for source in found["regret"]] == sorted(("a", "high"), key=losses.__getitem__)
    assert found["choice_factors"] == (AnswerSource("b", "value", False, losses["b"], len(rows), {"und": len(rows)}),)


def test_the_fusion_is_the_answer_and_its_members_stand_behind_it(toy: Toy, tmp_path: Path) -> None:
    model, _ = made(toy, tmp_path / "model", "stacking_fusion")
    assert sources(model, "regret")[0] == "stacking_fusion"
    assert set(sources(model, "regret")[1:]) == {"first", "second", "linear"}
    factors, regret = answer_fields(model, analyze(model, toy.encoder(), TEXT).findings)
    assert (factors.field, regret.field) == ("choice_factors", "regret")
    assert regret.fused
    assert regret.origin == "stacking_fusion of 3"
    assert {finding.plugin for finding in factors.members} == {"linear", "third"}
    assert {value.label for value in factors.values} == {value.label for value in factors.finding.values}
    sizes = [abs(value.deviations or 0.0) for value in factors.values]
    assert sizes == sorted(sizes, reverse=True)


def test_the_fusion_is_never_worse_than_its_best_member_on_validation(toy: Toy, tmp_path: Path) -> None:
    model, context = made(toy, tmp_path / "model", "stacking_fusion")
    for field in ("regret", "choice_factors"):
        (group,) = [group for group in context.groups if group.name == "stacking_fusion"]
        rows = context.store.rows("validation")
        result = evaluate(model.modules[group.name], context.source, rows)
        target = context.store.target(field)[rows]
        fused = answer_losses(context.store.fields[field], result.predictions[f"stacking_fusion.{field}"], target)
        members = [source.loss for source in model.manifest.answers[field] if not source.fused]
        best = min(loss for loss in members if loss is not None)
        assert float(fused.nanmean()) <= best * (1 + 1e-6)  # weights are rounded to float32


def test_of_two_fusions_the_one_of_the_least_cross_fitted_loss_answers_and_is_no_member(
    toy: Toy, tmp_path: Path
) -> None:
    model, _ = made(toy, tmp_path / "model", "stacking_fusion", "mean_fusion")
    for answer in answer_fields(model, analyze(model, toy.encoder(), TEXT).findings):
        first, second, *others = model.manifest.answers[answer.field]
        assert first.fused
        assert second.fused
        assert first.loss is not None
        assert second.loss is not None
        assert first.loss <= second.loss
        assert answer.finding.plugin == first.plugin
        assert {finding.plugin for finding in answer.members} == {other.plugin for other in others}


def test_cross_fitted_answers_are_those_of_fits_to_the_other_folds(toy: Toy, tmp_path: Path) -> None:
    _, context = made(toy, tmp_path / "model", "mean_fusion")
    (group,) = [group for group in context.groups if group.name == "mean_fusion"]
    rows = context.store.rows("validation")
    found = cross_fitted(context, group, ["mean_fusion.regret"])["mean_fusion.regret"]
    assert found.shape == (len(rows),)
    assert not bool(found.isnan().any())
    whole = evaluate(context.fit(group), context.source, rows).predictions["mean_fusion.regret"]
    assert not torch.equal(found, whole)
    order = sorted(range(len(rows)), key=lambda place: context.store.shuffle_key(int(rows[place])))
    held = torch.tensor(sorted(order[::5]))
    rest = torch.tensor(sorted(set(range(len(rows))) - set(held.tolist())))
    one = evaluate(context.fit(group, rows[rest]), context.source, rows[held]).predictions["mean_fusion.regret"]
    torch.testing.assert_close(found[held], one)


def test_a_fusion_with_too_few_records_for_cross_fitting_still_answers(toy: Toy, tmp_path: Path) -> None:
    store = toy.store(toy.records(200, lambda index, field: field == "choice_factors"))
    few = store.rows("validation")[:3]
    target = store.target("regret")[store.all_rows]
    target[store.rows("validation")] = float("nan")
    target[few] = 0.5
    store._targets["regret"] = FieldNumbers.encode(target.numpy())
    nodes = [named_output(answering(toy, "first")), named_output(answering(toy, "second"))]
    nodes.append(activate(load_installed("stacking_fusion")))
    run, stopped = toy.run("run", nodes, store, epochs=1)
    assert stopped == {}
    context = toy.context(nodes, store, epochs=1)
    assemble(tmp_path / "model", run, context, find_sweetspot(run, trained_groups(run)).chosen("best"))
    model = load_model(tmp_path / "model", nodes, torch.device("cpu"))
    assert model.manifest.answers["regret"][0] == AnswerSource("stacking_fusion", "regret", True, None, 0, {"und": 3})


def test_an_answer_that_cannot_be_given_makes_room_for_the_next_one(toy: Toy, tmp_path: Path) -> None:
    model, _ = made(toy, tmp_path / "model", "mean_fusion")
    findings = [one for one in analyze(model, toy.encoder(), TEXT).findings if one.plugin != "mean_fusion"]
    _, regret = answer_fields(model, findings)
    assert not regret.fused
    assert regret.finding.plugin == sources(model, "regret")[1]
    assert regret.origin == f"{regret.finding.plugin}, best of 3"
    alone = [one for one in findings if one.plugin == "third"]
    (factors,) = answer_fields(model, alone)
    assert factors.origin == "third"
    assert answer_fields(model, []) == ()
    assert attrs.asdict(factors)["members"] == ()


@pytest.mark.parametrize("partial", [False, True])
def test_a_model_without_its_fusion_answers_with_the_best_node(toy: Toy, tmp_path: Path, partial: bool) -> None:
    nodes = [named_output(answering(toy, "first")), activate(load_installed("mean_fusion"))]
    store = toy.store(toy.records(200))
    run, _ = toy.run("run", nodes, store, epochs=1)
    if partial:
        folder = run.group("mean_fusion")
        folder.write(attrs.evolve(folder.read(), status="stopped", reason="by hand"))
    context = toy.context(nodes, store, epochs=1)
    groups = ["first"] if partial else ["first", "mean_fusion"]
    assemble(tmp_path / "model", run, context, find_sweetspot(run, groups).chosen("best"), partial=partial)
    model = load_model(tmp_path / "model", nodes[: len(groups)], torch.device("cpu"))
    assert sources(model, "regret") == (["first"] if partial else ["mean_fusion", "first"])


def test_fused_answers_come_first(toy: Toy, tmp_path: Path) -> None:
    nodes = [named_output(answering(toy, "first")), named_output(answering(toy, "third", "choice_factors"))]
    fusion = activate(load_installed("mean_fusion"))
    learns = attrs.evolve(fusion.spec, learns_any=lambda fields: {"regret": fusion.spec.learns_any(fields)["regret"]})  # type: ignore[misc]
    nodes.append(attrs.evolve(fusion, spec=learns))
    store = toy.store(toy.records(200))
    run, _ = toy.run("run", nodes, store, epochs=1)
    context = toy.context(nodes, store, epochs=1)
    assemble(tmp_path / "model", run, context, find_sweetspot(run, trained_groups(run)).chosen("best"))
    model = load_model(tmp_path / "model", nodes, torch.device("cpu"))
    found = answer_fields(model, analyze(model, toy.encoder(), TEXT).findings)
    assert [(answer.field, answer.fused) for answer in found] == [("regret", True), ("choice_factors", False)]
