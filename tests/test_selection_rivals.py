"""Means of weights, ensembles and their comparison on a toy run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from trained_toy import Trained

from redheart_core import CheckpointError
from redheart_core.groups.ensemble import Ensemble
from redheart_core.groups.validation import evaluate
from redheart_core.models.assembly import assemble
from redheart_core.models.blending import blend_groups
from redheart_core.models.exactness import check_exactness
from redheart_core.models.model import load_model
from redheart_core.models.of_run import model_picks
from redheart_core.selection.methods import METHODS, OFFSETS
from redheart_core.selection.picks import TO_COME, Pick, Pool, mix
from redheart_core.selection.rivals import CHOSEN, Rival, Rivals, compare_methods
from redheart_core.storage.runtime import generator

CPU = torch.device("cpu")


def test_a_single_pick_has_the_recorded_losses_to_the_last_bit(trained: Trained) -> None:
    pool = trained.pool("b")
    for entry in pool.epochs:
        pick = Pick.single("any", entry)
        assert torch.equal(pool.result(pick).losses, pool.folder.losses(entry))
        assert torch.equal(pool.losses(pick), pool.folder.losses(entry))


def test_a_mean_of_weights_is_the_mean_and_one_alone_stays_as_it_is(trained: Trained) -> None:
    pool = trained.pool("b")
    states = [pool.folder.weights(entry) for entry in pool.epochs[:3]]
    mixed = mix(states, (0.5, 0.25, 0.25))
    for name, tensor in mixed.items():
        stacked = torch.stack([state[name].double() for state in states])
        weights = torch.tensor([0.5, 0.25, 0.25], dtype=torch.float64).view(-1, *[1] * tensor.dim())
        assert torch.allclose(tensor.double(), (weights * stacked).sum(0), rtol=1e-6)
    alone = mix(states[:1], (1.0,))
    assert all(torch.equal(alone[name], tensor) for name, tensor in states[0].items())


def test_a_mean_of_weights_has_the_bits_of_each_tensor_mixed_alone() -> None:
    stream = torch.Generator().manual_seed(3)
    kinds = {
        "a": ((3, 5), torch.float32),
        "b": ((), torch.float32),
        "c": ((7,), torch.bfloat16),
        "d": ((0, 2), torch.float32),
    }
    shares = (1 / 3, 0.6, 1 - 1 / 3 - 0.6)
    states = [
        {name: torch.randn(shape, generator=stream).to(dtype) for name, (shape, dtype) in kinds.items()}
        | {"count": torch.tensor([number, 5])}
        for number in range(3)
    ]
    mixed = mix(states, shares)
    assert list(mixed) == [*kinds, "count"]
    assert mixed["count"].tolist() == [0, 5]
    for name, (shape, dtype) in kinds.items():
        alone = torch.zeros((), dtype=torch.float64)
        for state, share in zip(states, shares, strict=True):
            alone = alone + state[name].double() * share
        assert (tuple(mixed[name].shape), mixed[name].dtype) == (shape, dtype)
        assert mixed[name].equal(alone.to(dtype))


def test_an_ensemble_answers_with_the_mean_of_its_members(trained: Trained) -> None:
    pool, rows = trained.pool("b"), trained.context.store.rows("validation")
    entries = pool.epochs[2:5]
    batch = trained.context.source.batch(rows, pool.group.inputs)
    answers = []
    for entry in entries:
        pool.module.load(pool.folder.weights(entry))
        pool.module.eval()
        with torch.no_grad():
            answers.append(pool.module(batch)["b.value"])
    ensemble = pool.build(Pick.together("any", entries))
    assert isinstance(ensemble, Ensemble)
    with torch.no_grad():
        found = ensemble.eval()(batch)["b.value"]
    assert torch.allclose(found, torch.stack(answers).mean(0), atol=1e-6)
    spread = ensemble.with_disagreement(batch)[1]["b.value"]
    assert torch.allclose(spread, torch.stack(answers).std(0, correction=0), atol=1e-6)
    assert float(spread.mean()) > 0


def test_members_that_are_equal_answer_as_one_and_do_not_disagree(trained: Trained) -> None:
    pool, rows = trained.pool("b"), trained.context.store.rows("validation")
    best = pool.ranked[0]
    alone, twice = pool.result(Pick.single("one", best)), pool.result(Pick.together("two", [best, best]))
    assert torch.allclose(alone.losses, twice.losses, atol=1e-6)
    ensemble = pool.build(Pick.together("two", [best, best]))
    assert isinstance(ensemble, Ensemble)
    batch = trained.context.source.batch(rows, pool.group.inputs)
    assert float(ensemble.eval().with_disagreement(batch)[1]["b.value"].abs().max()) == 0.0


def test_every_method_is_at_least_a_pick_of_the_pool(trained: Trained) -> None:
    pool = trained.pool("b")
    best = pool.manifest.best.epoch
    for name, method in METHODS.items():
        pick = method(pool, generator(0, name))
        if name == "ema":
            assert pick is None
            continue
        assert pick is not None
        assert pick.method == name
        for member in pick.members:
            assert sum(share for _, share in member) == pytest.approx(1.0)
            assert all(file in {entry.file for entry in pool.epochs} for file, _ in member)
    greedy = METHODS["greedy soup"](pool, generator(0))
    assert greedy is not None
    assert float(pool.losses(greedy).mean()) <= pool.ranked[0].validation_loss
    around = METHODS["neighbour ensemble"](pool, generator(0))
    assert around is not None
    expected = {entry.file for entry in pool.epochs if entry.epoch - best in OFFSETS}
    assert {file for ((file, _),) in around.members} == expected


def test_the_search_is_a_function_of_its_stream(trained: Trained) -> None:
    pool = trained.pool("b")
    one, again, other = (METHODS["evolution"](pool, generator(seed)) for seed in (1, 1, 2))
    assert one == again
    assert other is not None
    assert float(pool.losses(other).mean()) <= pool.ranked[0].validation_loss


def test_a_group_that_others_learnt_from_keeps_its_selection(trained: Trained) -> None:
    rivals, pools = compare_methods(trained.run, trained.context)
    assert list(rivals.table["a"]) == ["selection"]
    assert len(rivals.table["b"]) == len(rivals.table["high"]) == len(METHODS) - 1
    assert set(pools) == {"a", "b", "high"}
    for group, found in rivals.table.items():
        assert found["selection"].loss == pools[group].manifest.best.validation_loss
        assert found["selection"].difference == 0.0
    assert json.loads(json.dumps(rivals.to_json()))["best_method"] == rivals.best_method


def test_methods_are_tried_as_far_as_comparing_costs_no_more_than_training(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = trained.pool("b")
    training = 3 * pool.epochs[-1].epoch * len(trained.context.training_rows(pool.group))
    most = training // len(pool.rows)
    assert pool.affords(most)
    assert not pool.affords(most + 1)
    pool.result(Pick.together("two", pool.epochs[:2]))
    pool.result(Pick.together("the same", pool.epochs[:2]))
    pool.keep(Pick.together("the same", pool.epochs[:2]))
    pool.keep(Pick.together("again", pool.epochs[:2]))
    assert pool.affords(most - 2 - 2 * TO_COME)
    assert not pool.affords(most - 2 - 2 * TO_COME + 1)
    monkeypatch.setattr(Pool, "affords", lambda pool, passes: pool.passes + passes <= 7)
    rivals, _ = compare_methods(trained.run, trained.context)
    assert list(rivals.table["b"]) == ["selection", "uniform soup"]
    with pytest.raises(CheckpointError, match="left out where comparing would cost more than the training did"):
        rivals.picks("evolution")


def rival(method: str, loss: float, difference: float, error: float) -> Rival:
    return Rival("g", Pick(method, ((("epoch-0001.safetensors", 1.0),),)), "1", loss, difference, error)


def test_a_rival_is_accepted_only_beyond_its_noise() -> None:
    table = {
        "g": {
            "selection": rival("selection", 1.0, 0.0, 0.0),
            "noisy": rival("noisy", 0.90, -0.10, 0.11),
            "sure": rival("sure", 0.95, -0.05, 0.01),
        }
    }
    rivals = Rivals(table, {"selection": (0.0, 0.0), "noisy": (-0.1, 0.11), "sure": (-0.05, 0.01)})
    assert not table["g"]["noisy"].accepted
    assert rivals.chosen("g").pick.method == rivals.best_method == "sure"
    assert rivals.picks("noisy")["g"].method == "noisy"
    nothing = Rivals({"g": {k: v for k, v in table["g"].items() if k != "sure"}}, {"selection": (0.0, 0.0)})
    assert nothing.chosen("g").pick.method == "selection"
    with pytest.raises(CheckpointError, match="no group can be made by 'magic'"):
        rivals.picks("magic")


@pytest.mark.parametrize("method", ["neighbour average", "top ensemble", CHOSEN])
def test_a_model_of_a_method_gives_the_evaluated_losses_to_the_last_bit(
    trained: Trained, tmp_path: Path, method: str
) -> None:
    chosen, blends = blend_groups(trained.run, trained.context, method)
    assert set(chosen) | set(blends) == {"a", "b", "high"}
    assemble(tmp_path / "model", trained.run, trained.context, chosen, blends)
    model = load_model(tmp_path / "model", trained.context.nodes, CPU)
    checks = check_exactness(model, trained.context)
    assert [check.group for check in checks] == ["a", "b", "high"]
    picks = model_picks(tmp_path / "model", trained.run)
    for name, blend in blends.items():
        assert picks[name].members == blend.pick.members
        pool = trained.pool(name)
        if name != "high":
            built = pool.build(picks[name])
            rows = trained.context.store.rows("validation")
            assert evaluate(built, trained.context.source, rows).loss == blend.validation_loss


def test_a_damaged_member_is_refused(trained: Trained, tmp_path: Path) -> None:
    chosen, blends = blend_groups(trained.run, trained.context, "top ensemble")
    assemble(tmp_path / "model", trained.run, trained.context, chosen, blends)
    file = tmp_path / "model" / "groups" / "b-2.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(CheckpointError, match=r"b-2\.safetensors is damaged"):
        load_model(tmp_path / "model", trained.context.nodes, CPU)


def test_an_ensemble_tells_how_far_its_members_are_apart(trained: Trained, tmp_path: Path) -> None:
    chosen, blends = blend_groups(trained.run, trained.context, "top ensemble")
    assemble(tmp_path / "model", trained.run, trained.context, chosen, blends)
    model = load_model(tmp_path / "model", trained.context.nodes, CPU)
    store = trained.context.store
    embedding, mask = store.batch(store.rows("test")[:3])
    outputs, spreads = model.predict_with_disagreement(embedding, mask, {})
    assert {name.partition(".")[0] for name in spreads} == {"b", "high"}
    alone = model.predict(embedding, mask, {})
    assert all(torch.equal(outputs[name], tensor) for name, tensor in alone.items())
    assert all(tensor.shape == outputs[name].shape and float(tensor.min()) >= 0 for name, tensor in spreads.items())
