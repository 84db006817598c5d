"""Sweet spots, crossover, evaluation and analysis on a toy run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import attrs
import pytest
import torch
from toy import Toy
from trained_toy import Trained

from redheart_core import CheckpointError, DataError
from redheart_core.data.field_numbers import FieldNumbers
from redheart_core.evaluation.evaluate import evaluate_test
from redheart_core.evaluation.results import EVALUATION
from redheart_core.exact.interval import Interval
from redheart_core.groups.group_module import GroupModule
from redheart_core.inspection.baselines import constant_baseline, linear_baselines, mean_embedding
from redheart_core.models.analysis import analyze
from redheart_core.models.assembly import assemble
from redheart_core.models.exactness import check_exactness
from redheart_core.models.manifest import MODEL_MANIFEST, read_manifest
from redheart_core.models.model import load_model
from redheart_core.models.of_run import chosen_epochs, require_model
from redheart_core.report.collect_results import read_evaluation
from redheart_core.runs.manifest import EpochEntry, GroupManifest
from redheart_core.selection.methods import METHODS
from redheart_core.selection.picks import Pick, mix
from redheart_core.selection.sweetspot import common_epoch, find_sweetspot, trained_groups

CPU = torch.device("cpu")


def test_the_assembled_validation_loss_is_the_recorded_one_to_the_last_bit(trained: Trained, tmp_path: Path) -> None:
    sweetspot = find_sweetspot(trained.run, trained_groups(trained.run))
    for rule in ("best", "common"):
        chosen = sweetspot.chosen(rule)
        chosen["a"] = sweetspot.chosen("best")["a"]
        assemble(tmp_path / rule, trained.run, trained.context, chosen)
        model = load_model(tmp_path / rule, trained.context.nodes, CPU)
        checks = check_exactness(model, trained.context)
        assert [check.group for check in checks] == ["a", "b", "high"]
        for check in checks:
            entry = trained.run.group(check.group).read().entry(int(check.epoch))
            assert entry is not None
            assert check.assembled == check.recorded == entry.validation_loss


def test_assembly_links_files_and_rewrites_none(trained: Trained, tmp_path: Path) -> None:
    chosen = find_sweetspot(trained.run, ["a", "b", "high"]).chosen("best")
    assemble(tmp_path / "model", trained.run, trained.context, chosen)
    for name, entry in chosen.items():
        source = trained.run.group(name).path / entry.file
        assert (tmp_path / "model" / "groups" / f"{name}.safetensors").stat().st_ino == source.stat().st_ino
    assert chosen_epochs(tmp_path / "model", trained.run) == chosen


def test_another_weight_is_noticed_by_the_exactness_check(trained: Trained, tmp_path: Path) -> None:
    chosen = find_sweetspot(trained.run, ["a", "b", "high"]).chosen("best")
    assemble(tmp_path / "model", trained.run, trained.context, chosen)
    model = load_model(tmp_path / "model", trained.context.nodes, CPU)
    module = model.modules["b"]
    assert isinstance(module, GroupModule)
    with torch.no_grad():
        next(module.parameters()).add_(1e-3)
    with pytest.raises(CheckpointError, match="does not reproduce the run"):
        check_exactness(model, trained.context)


def test_a_lower_group_is_taken_at_the_epoch_that_the_higher_one_learnt_from(trained: Trained, tmp_path: Path) -> None:
    chosen = find_sweetspot(trained.run, ["a", "b", "high"]).chosen("best")
    other = next(entry for entry in trained.run.group("a").read().epochs if entry.epoch != chosen["a"].epoch)
    with pytest.raises(CheckpointError, match="'high' was trained on epoch"):
        assemble(tmp_path / "model", trained.run, trained.context, {**chosen, "a": other})
    assert not (tmp_path / "model").exists()


def test_a_flipped_byte_is_refused_at_assembly_and_at_load(trained: Trained, tmp_path: Path) -> None:
    chosen = find_sweetspot(trained.run, ["a", "b", "high"]).chosen("best")
    assemble(tmp_path / "model", trained.run, trained.context, chosen)
    file = trained.run.group("b").path / chosen["b"].file
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(CheckpointError, match=chosen["b"].sha256):
        assemble(tmp_path / "second", trained.run, trained.context, chosen)
    with pytest.raises(CheckpointError, match=chosen["b"].sha256):
        load_model(tmp_path / "model", trained.context.nodes, CPU)


def test_a_model_with_other_label_names_than_the_run_is_refused(trained: Trained, tmp_path: Path) -> None:
    assemble(
        tmp_path / "model", trained.run, trained.context, find_sweetspot(trained.run, ["a", "b", "high"]).chosen("best")
    )
    file = tmp_path / "model" / "manifest.json"
    manifest = read_manifest(tmp_path / "model")
    field = manifest.data.fields["choice_factors"]
    other = {**manifest.data.fields, "choice_factors": attrs.evolve(field, labels=field.labels[::-1])}
    MODEL_MANIFEST.write(file, attrs.evolve(manifest, data=attrs.evolve(manifest.data, fields=other)))
    with pytest.raises(CheckpointError, match="fields of the data differs"):
        chosen_epochs(tmp_path / "model", trained.run)


def test_a_model_by_another_rule_is_not_taken_for_the_best_one(trained: Trained, tmp_path: Path) -> None:
    sweetspot = find_sweetspot(trained.run, ["a", "b", "high"])
    best = sweetspot.chosen("best")
    assemble(tmp_path / "best", trained.run, trained.context, best)
    require_model(tmp_path / "best", trained.run, sweetspot)
    other = next(entry for entry in trained.run.group("b").read().epochs if entry.epoch != best["b"].epoch)
    assemble(tmp_path / "other", trained.run, trained.context, {**best, "b": other})
    with pytest.raises(CheckpointError, match="is not made of the best epochs"):
        require_model(tmp_path / "other", trained.run, sweetspot)


def test_a_model_refuses_another_plugin_version_and_other_settings(trained: Trained, tmp_path: Path) -> None:
    chosen = find_sweetspot(trained.run, ["a", "b", "high"]).chosen("best")
    assemble(tmp_path / "model", trained.run, trained.context, chosen)
    nodes = [attrs.evolve(node, version="1.1") if node.name == "b" else node for node in trained.context.nodes]
    with pytest.raises(CheckpointError, match=r"another plugin 'b': version was '1\.0', is '1\.1'"):
        load_model(tmp_path / "model", nodes, CPU)


def test_the_common_epoch_has_the_smallest_mean_ratio(toy: Toy) -> None:
    manifests = {
        "a": manifest("a", [3.0, 2.0, 1.0, 1.1]),
        "b": manifest("b", [1.0, 1.2, 1.6, 2.0]),
    }
    # mean ratios: (3 + 1) / 2, (2 + 1.2) / 2, (1 + 1.6) / 2, (1.1 + 2) / 2
    assert common_epoch(manifests) == 3


def test_a_run_without_epochs_has_no_sweet_spot(trained: Trained) -> None:
    trained.run.group("b").write(GroupManifest("b", "stopped", "loss became nan"))
    with pytest.raises(CheckpointError, match="b: loss became nan"):
        find_sweetspot(trained.run, ["a", "b", "high"])


def as_picks(chosen: Mapping[str, EpochEntry]) -> dict[str, Pick]:
    return {group: Pick.single("selection", entry) for group, entry in chosen.items()}


def test_the_test_split_is_evaluated_beside_what_a_user_would_do_instead(trained: Trained) -> None:
    sweetspot = find_sweetspot(trained.run, ["a", "b", "high"])
    result = evaluate_test(trained.run, trained.context, sweetspot, as_picks(sweetspot.chosen("best")))
    others = [name for name in METHODS if name not in ("selection", "ema")]
    assert result.variants == (
        "crossover", "common epoch", "beyond noise", "last epoch", "common soup", *others, "chosen", "constant",
        "linear",
    )  # fmt: skip
    assert {table.metric for table in result.tables if table.main} == {
        f"{name}.mean_absolute_error" for name in ("a", "b", "high")
    }
    rows = trained.context.store.rows("test")
    target = trained.context.store.target("regret")[trained.context.store.all_rows]
    mean = target[trained.context.store.rows("train")].mean()
    table = next(table for table in result.tables if table.metric == "a.mean_absolute_error")
    assert table.figures["constant"].value == pytest.approx(float((target[rows] - mean).abs().mean()), rel=1e-6)
    for figure in table.figures.values():
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low <= figure.number <= figure.high
    assert result.skill["constant"] == Interval(0.0, 0.0, 0.0)
    assert table.gains["common epoch"] == Interval(0.0, 0.0, 0.0)
    assert result.test_records == len(rows)
    assert result.test_reads == 1
    again = evaluate_test(trained.run, trained.context, sweetspot, as_picks(sweetspot.chosen("best")))
    assert again == attrs.evolve(result, test_reads=2)
    EVALUATION.write(trained.run.path / "evaluation.json", result)
    assert read_evaluation(trained.run.path / "evaluation.json", trained.run.read().groups) == result


def test_swa_is_the_mean_of_weights() -> None:
    states = [
        {"w": torch.tensor([1.0, 2.0]), "n": torch.tensor(3)},
        {"w": torch.tensor([3.0, 6.0]), "n": torch.tensor(3)},
    ]
    assert torch.equal(mix(states, [1 / len(states)] * len(states))["w"], torch.tensor([2.0, 4.0]))
    assert torch.equal(mix(states, [1 / len(states)] * len(states))["n"], torch.tensor(3))


def test_the_linear_baseline_finds_a_linear_target_and_the_constant_does_not(toy: Toy) -> None:
    store = toy.store(toy.records(400))
    weights = torch.linspace(-1, 1, 16)
    mean = torch.from_numpy(mean_embedding(store, torch.arange(len(store))))
    linear = mean @ weights
    linear = 0.1 + 0.8 * (linear - linear.min()) / (linear.max() - linear.min())
    store._targets["regret"] = FieldNumbers.encode(linear.numpy())
    rows = store.rows("test")
    field = store.fields["regret"]
    error = (linear_baselines(store, [field], rows)[field.name] - linear[rows]).abs().mean()
    constant_error = (constant_baseline(store, field, len(rows)) - linear[rows]).abs().mean()
    assert error < 0.1 * constant_error


def test_an_analysis_names_labels_sources_and_distances(toy: Toy, trained: Trained, tmp_path: Path) -> None:
    chosen = find_sweetspot(trained.run, ["a", "b", "high"]).chosen("best")
    assemble(tmp_path / "model", trained.run, trained.context, chosen)
    model = load_model(tmp_path / "model", trained.context.nodes, CPU)
    encoder = toy.encoder()
    findings = {
        finding.plugin: finding for finding in analyze(model, encoder, "cruel debt. lost gift broken.").findings
    }
    assert set(findings) == {"a", "b", "high"}
    assert [value.label for value in findings["b"].values] == ["selection", "uncertainty", "risk", "decision"]
    assert findings["a"].epoch == chosen["a"].epoch
    store = trained.context.store
    regret = store.target("regret")[store.rows("train")].double()
    value = findings["a"].values[0]
    assert value.training_mean == pytest.approx(float(regret.mean()))
    assert value.deviations == pytest.approx((value.value - float(regret.mean())) / float(regret.std()))


@pytest.mark.parametrize(
    ("text", "reason"), [("", "empty"), ("  \n ", "empty"), ("1234 ...", "letter"), ("a" * 1_000_000, "100,?000")]
)
def test_a_text_in_an_unsupported_form_is_refused_with_a_reason(
    toy: Toy, trained: Trained, tmp_path: Path, text: str, reason: str
) -> None:
    chosen = find_sweetspot(trained.run, ["a", "b", "high"]).chosen("best")
    assemble(tmp_path / "model", trained.run, trained.context, chosen)
    model = load_model(tmp_path / "model", trained.context.nodes, CPU)
    with pytest.raises(DataError, match=reason):
        analyze(model, toy.encoder(), text)


def test_a_prediction_in_a_batch_is_that_of_the_store(trained: Trained, tmp_path: Path) -> None:
    chosen = find_sweetspot(trained.run, ["a", "b", "high"]).chosen("best")
    assemble(tmp_path / "model", trained.run, trained.context, chosen)
    model = load_model(tmp_path / "model", trained.context.nodes, CPU)
    embedding, mask = trained.context.store.batch(torch.arange(5))
    outputs = model.predict(embedding, mask, {})
    assert set(outputs) == {"a.value", "b.value", "high.value"}
    assert outputs["b.value"].shape == (5, 4)
    assert math.isfinite(outputs["high.value"].sum().item())


def test_the_manifest_names_everything_that_decides_the_numbers(trained: Trained, tmp_path: Path) -> None:
    chosen = find_sweetspot(trained.run, ["a", "b", "high"]).chosen("best")
    assemble(tmp_path / "model", trained.run, trained.context, chosen)
    manifest = read_manifest(tmp_path / "model")
    assert manifest.groups["b"].files[0].sha256 == chosen["b"].sha256
    assert manifest.nodes["b"].version == "1.0"
    assert manifest.data.fields["choice_factors"].labels == ("selection", "uncertainty", "risk", "decision")
    assert manifest.data.encoder == trained.context.store.encoder_identity
    assert [(check.group, check.equal) for check in manifest.checks] == [("a", True), ("b", True), ("high", True)]


def entry(epoch: int, loss: float) -> EpochEntry:
    return EpochEntry(
        epoch=epoch,
        file=f"epoch-{epoch:04d}.safetensors",
        sha256="",
        bytes=0,
        train_loss=loss,
        validation_loss=loss,
        metrics={},
        learning_rate=0.0,
        losses_file=f"losses-{epoch:04d}.safetensors",
        losses_sha256="",
    )


def manifest(group: str, losses: list[float]) -> GroupManifest:
    return GroupManifest(group, "finished", epochs=tuple(entry(epoch, loss) for epoch, loss in enumerate(losses, 1)))


def test_a_calculator_is_computed_between_tiers_and_travels_without_a_file(toy: Toy, tmp_path: Path) -> None:
    store = toy.store()
    nodes = [
        toy.node("a"),
        toy.node("b"),
        toy.calculator("mean", ("a.value", "b.value")),
        toy.node("top", reads=("mean.value", "mean.chunks"), target="choice_factors"),
    ]
    run, stopped = toy.run("run", nodes, store)
    assert not stopped
    context = toy.context(nodes, store)
    sweetspot = find_sweetspot(run, trained_groups(run))
    assert [choice.group for choice in sweetspot.groups] == ["a", "b", "top"]
    assemble(tmp_path / "model", run, context, sweetspot.chosen("best"))
    model = load_model(tmp_path / "model", nodes, CPU)
    assert [check.group for check in check_exactness(model, context)] == ["a", "b", "top"]
    embedding, mask = store.batch(torch.arange(4))
    outputs = model.predict(embedding, mask, {})
    assert torch.equal(outputs["mean.value"], torch.stack([outputs["a.value"], outputs["b.value"]]).mean(0))
    evaluate_test(run, context, sweetspot, as_picks(sweetspot.chosen("best")))


def test_outputs_with_chunks_reach_the_next_tier_padded(toy: Toy) -> None:
    context = toy.context(
        [toy.calculator("mean", ("a.value",)), toy.node("a"), toy.node("top", reads=("mean.chunks",))]
    )
    for group in context.groups[:2]:
        context.add_outputs(group, context.module(group))
    rows = context.store.rows("train")[:16]
    batch = context.source.batch(rows, ("mean.chunks",))
    assert torch.equal(batch.inputs["mean.chunks"], 2 * batch.inputs["embedding"])
    assert len(set(context.store.chunk_counts[rows].tolist())) > 1
