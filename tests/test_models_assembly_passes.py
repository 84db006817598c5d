"""How many records each group answers in an assembly: none twice, but for the comparison of two ways to ask."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from test_groups_field_inputs import lived_store, reader
from test_models_layers import DOUBT, SEEN
from test_models_limits import active
from toy import Toy
from trained_toy import Trained

from redheart_core.data.batch import Batch
from redheart_core.data.store import Store
from redheart_core.groups.group_module import GroupModule
from redheart_core.models.assembly import assemble
from redheart_core.models.exactness import SAMPLE
from redheart_core.models.model import Model
from redheart_core.runs.run import RunFolder
from redheart_core.selection.sweetspot import find_sweetspot, trained_groups
from redheart_core.training.context import TrainingContext


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many records each group has answered."""
    found, forward = Counter[str](), GroupModule.forward

    def counting(module: GroupModule, batch: Batch, compare: bool = False) -> dict[str, torch.Tensor]:
        found[module.group.name] += batch.size
        return forward(module, batch, compare)

    monkeypatch.setattr(GroupModule, "forward", counting)
    SEEN.clear()
    return found


def made(run: RunFolder, context: TrainingContext, folder: Path, asked: Counter[str]) -> Model:
    chosen = find_sweetspot(run, trained_groups(run)).chosen("best")
    asked.clear()
    return assemble(folder, run, context, chosen, layers=active(DOUBT)).model


def once(store: Store) -> int:
    """Validation and calibration records, and those that are answered among the others and alone."""
    validation, calibration = (len(store.rows(split)) for split in ("validation", "calibration"))
    assert validation
    assert calibration
    return validation + calibration + 2 * min(SAMPLE, validation)


def test_validation_calibration_and_layers_ask_for_each_record_once(
    trained: Trained, tmp_path: Path, asked: Counter[str]
) -> None:
    made(trained.run, trained.context, tmp_path / "model", asked)
    assert SEEN
    assert asked == dict.fromkeys(("a", "b", "high"), once(trained.context.store))


def test_only_groups_that_read_what_layers_do_without_are_asked_again(
    toy: Toy, tmp_path: Path, asked: Counter[str]
) -> None:
    store = lived_store(toy)
    nodes = [reader(required=False), toy.node("plain"), toy.node("above", reads=("reader.regret",))]
    run, _ = toy.run("run", nodes, store)
    context = toy.context(nodes, store)
    model = made(run, context, tmp_path / "model", asked)
    again = sum(len(store.rows(split)) for split in ("validation", "calibration"))
    expected = once(store)
    assert asked == {"plain": expected, "reader": expected + again, "above": expected + again}
    (seen,), rows = SEEN, store.rows("calibration")
    assert [*seen.texts] == [store.text(row) for row in rows.tolist()]
    past = torch.full((len(rows), 4), torch.nan)
    answers = model.predict(*store.batch(rows), {"past": past, "regret": store.target("regret")[rows]})
    for name, numbers in seen.answers["regret"].members.items():
        np.testing.assert_allclose(numbers[:, 0], answers[name].double().numpy(), rtol=1e-5, atol=1e-6)


def test_answers_of_other_weights_are_not_taken(trained: Trained, tmp_path: Path, asked: Counter[str]) -> None:
    model = made(trained.run, trained.context, tmp_path / "model", asked)
    group, rows = trained.context.groups[0], trained.context.store.rows("calibration")
    module, names = model.modules[group.name], ("a.value",)
    assert trained.context.known_outputs(group, module, names, rows) is not None
    assert trained.context.known_outputs(group, module, ("a.other",), rows) is None
    assert trained.context.known_outputs(group, module, names, trained.context.store.rows("test")) is None
    assert isinstance(module, GroupModule)
    with torch.no_grad():
        next(module.parameters()).add_(1.0)
    assert trained.context.known_outputs(group, module, names, rows) is None
