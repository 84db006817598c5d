"""Retention, whatever is saved and assembled in whatever order: what is needed is never deleted."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from redheart_core.runs.checkpoint import GroupFolder
from redheart_core.runs.retention import Retention, add_references, references
from redheart_core.storage.placing import place

STEP = st.one_of(
    st.tuples(st.just("save"), st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5])),
    st.tuples(st.just("refer"), st.integers(0, 20)),
    st.tuples(st.just("link"), st.integers(0, 20)),
    st.tuples(st.just("restart"), st.just(0)),
)


def value(epoch: int) -> float:
    """The weight after an epoch; every third epoch changes nothing."""
    return float(epoch - (epoch % 3 == 0))


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    st.builds(Retention, st.integers(1, 3), st.integers(1, 3), st.integers(0, 3)),
    st.booleans(),
    st.lists(STEP, min_size=1, max_size=14),
)
def test_the_newest_the_best_ones_and_what_models_refer_to_stay(
    keep: Retention, averaged: bool, steps: list[tuple[str, float]]
) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)  # no power fails here
        folder, losses = GroupFolder(Path(name), "a"), dict[int, float]()
        model, linked = Path(name) / "model", dict[str, int]()
        model.mkdir()
        manifest = folder.read()
        for what, number in steps:
            if what == "save":
                epoch = len(losses) + 1
                losses[epoch] = number
                weights = {"a.w": torch.full((2,), value(epoch))}
                entry = {
                    "epoch": epoch,
                    "train_loss": 1.0,
                    "validation_loss": number,
                    "metrics": {},
                    "learning_rate": 0.1,
                }
                average = (entry, weights, torch.ones(1)) if averaged else None
                state = {"a.moment": torch.full((2,), float(epoch))}
                manifest = folder.add_epoch(manifest, entry, weights, state, torch.ones(1), keep, average)
            elif what == "refer" and manifest.epochs:  # a model can only be made of an epoch that is there
                there = [one.epoch for one in manifest.epochs]
                add_references(Path(name), {"a": [there[int(number) % len(there)]]})
            elif what == "link" and manifest.candidates:  # a model's file is the run's own, and no one else knows
                one = manifest.candidates[int(number) % len(manifest.candidates)]
                file = f"{len(linked)}.safetensors"
                place(folder.path / one.file, model / file, link=True)
                linked[file] = one.epoch
            else:
                manifest = folder.read()
                if folder.path.exists():
                    folder.clean_up(manifest)
            if not losses:
                continue
            best = sorted(losses, key=lambda one: (losses[one], one))[: keep.keep_best]
            needed = {*best, *references(Path(name)).get("a", ()), *sorted(losses)[-keep.keep_epochs :]}
            there = [one.epoch for one in folder.read().epochs]
            assert needed <= {*there}
            for one in folder.read().candidates:
                assert folder.weights(one)["a.w"].tolist() == [value(one.epoch)] * 2
                folder.losses(one)
            for one in folder.read().epochs:
                assert (one.state is not None) == (one.epoch in there[-keep.keep_states :])
                assert one.state is None or folder.optimizer(one)["a.moment"].tolist() == [float(one.epoch)] * 2
            for file, epoch in linked.items():
                assert safetensors.torch.load_file(model / file)["a.w"].tolist() == [value(epoch)] * 2
            files = {path.name for path in folder.path.iterdir()} - {"manifest.json"}
            assert files == folder.read().files  # and nothing else is left on disk
