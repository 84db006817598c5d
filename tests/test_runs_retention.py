"""Retention, whatever is saved and assembled in whatever order: what is needed is never deleted."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from redheart_core.runs.checkpoint import GroupFolder
from redheart_core.runs.retention import add_references, references

STEP = st.one_of(
    st.tuples(st.just("save"), st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5])),
    st.tuples(st.just("refer"), st.integers(0, 20)),
    st.tuples(st.just("restart"), st.just(0)),
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3), st.booleans(), st.lists(STEP, min_size=1, max_size=14))
def test_the_newest_the_best_and_what_models_refer_to_stay(
    keep_epochs: int, averaged: bool, steps: list[tuple[str, float]]
) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)  # no power fails here
        folder, losses = GroupFolder(Path(name), "a"), dict[int, float]()
        manifest = folder.read()
        for what, number in steps:
            if what == "save":
                epoch = len(losses) + 1
                losses[epoch] = number
                weights = {"a.w": torch.full((2,), float(epoch))}
                entry = {
                    "epoch": epoch,
                    "train_loss": 1.0,
                    "validation_loss": number,
                    "metrics": {},
                    "learning_rate": 0.1,
                }
                average = (entry, weights, torch.ones(1)) if averaged else None
                manifest = folder.add_epoch(manifest, entry, weights, weights, torch.ones(1), keep_epochs, average)
            elif what == "refer" and manifest.epochs:  # a model can only be made of an epoch that is there
                there = [one.epoch for one in manifest.epochs]
                add_references(Path(name), {"a": [there[int(number) % len(there)]]})
            else:
                manifest = folder.read()
                if folder.path.exists():
                    folder.clean_up(manifest)
            if not losses:
                continue
            best = min(losses, key=lambda one: (losses[one], one))
            needed = {max(losses), best, *references(Path(name)).get("a", ()), *sorted(losses)[-keep_epochs:]}
            assert needed <= {one.epoch for one in folder.read().epochs}
            for one in folder.read().candidates:
                assert folder.weights(one)["a.w"].tolist() == [float(one.epoch)] * 2
                folder.losses(one)
            files = {path.name for path in folder.path.iterdir()} - {"manifest.json"}
            assert files == folder.read().files  # and nothing else is left on disk
