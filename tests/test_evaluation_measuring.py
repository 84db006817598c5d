"""The figures of a packed model: each group answers the test records once, also those that others read of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from test_models_answering import made
from torch import Tensor
from toy import Toy

from redheart_core.evaluation.measuring import measure
from redheart_core.groups.fused_for import fused_for, own_fields
from redheart_core.groups.validation import compute_outputs, evaluate, has_objective


def test_a_group_that_others_read_answers_each_test_record_once(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, context = made(toy, tmp_path / "model", "stacking_fusion")
    asked = dict.fromkeys(model.modules, 0)
    for name, module in model.modules.items():
        answering: Any = module

        def forward(batch: Any, name: str = name, own: Any = answering.forward) -> dict[str, Tensor]:
            answered: dict[str, Tensor] = own(batch)
            asked[name] += len(next(iter(answered.values())))
            return answered

        monkeypatch.setattr(answering, "forward", forward)
    found = measure(model, context)
    records = len(context.store.rows("test"))
    read = {group.name for group in model.groups if context.read_outputs(group)}
    assert read
    assert {name: asked[name] for name in read} == dict.fromkeys(read, records)
    assert found.keys() == {name for name, module in model.modules.items() if has_objective(module)}


def test_what_is_kept_is_what_was_computed_for_it_alone_to_the_last_bit(toy: Toy, tmp_path: Path) -> None:
    model, context = made(toy, tmp_path / "model", "stacking_fusion")
    rows = context.store.rows("test")
    for group in model.groups:
        module, limits = model.modules[group.name], model.manifest.groups[group.name].thresholds
        result, alone = (
            context.evaluate(group, module, "test", thresholds=limits),
            evaluate(module, context.source, rows, limits),
        )
        assert (result.metrics, result.thresholds) == (alone.metrics, alone.thresholds)
        assert torch.equal(result.losses, alone.losses)
        names = context.read_outputs(group)
        if names:
            kept = context.outputs(group, module, ("test",))
            rest = fused_for(group, context.groups) is None
            fields = own_fields(group, context.store.fields)
            again = compute_outputs(module, context.source, rows, names, fields=fields, rest=rest)
            assert kept is not None
            for name in names:
                assert same(kept.batch(name, rows, 1), again.batch(name, rows, 1))
        context.add_outputs(group, module, ("test",))


def same(one: Tensor, other: Tensor) -> bool:
    return bool(torch.equal(one.nan_to_num(7.0), other.nan_to_num(7.0)))
