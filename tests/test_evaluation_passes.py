"""How often comparing ways to make a model asks a group whose answers others read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import torch
from toy import Toy, ToyNode

from redheart_core import ActiveNode, BuildContext
from redheart_core.evaluation.evaluate import evaluate_test
from redheart_core.groups.group_module import GroupModule
from redheart_core.models.assembly import assemble
from redheart_core.selection.picks import Pick, Pool
from redheart_core.selection.sweetspot import find_sweetspot, trained_groups

TRAINING: dict[str, Any] = {"epochs": 8, "learning_rate": 3e-2}


class Counting(ToyNode):
    """Counts the records that it answers in evaluation, by its last weights."""

    def __init__(self, counts: Counter[bytes], width: int, inputs: Mapping[str, int]) -> None:
        super().__init__(inputs, width, 1, 0.1, 0)
        self.counts = counts

    def forward(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        if not self.training:
            self.counts[self.last.weight.detach().numpy().tobytes()] += len(inputs["mask"])
        return super().forward(inputs)


def counting(toy: Toy, name: str, reads: tuple[str, ...] = ("embedding",)) -> tuple[ActiveNode, Counter[bytes]]:
    node, counts = toy.node(name, reads=reads), Counter[bytes]()

    def build(context: BuildContext) -> torch.nn.Module:
        sizes = {read: 16 if read == "embedding" else 1 for read in reads}
        return Counting(counts, context.settings.width, sizes)

    return attrs.evolve(node, spec=attrs.evolve(node.spec, build=build)), counts


def test_no_weights_are_asked_about_a_record_for_the_same_purpose_twice(toy: Toy, tmp_path: Path) -> None:
    low, below = counting(toy, "low")
    high, above = counting(toy, "high", reads=("low.value", "embedding"))
    store = toy.store(toy.records(400))
    context = toy.context([low, high], store, **TRAINING)
    run, stopped = toy.run("run", [low, high], store, **TRAINING)
    assert stopped == {}
    sweetspot = find_sweetspot(run, trained_groups(run))
    chosen = sweetspot.chosen("best")
    validation, calibration, test = (len(store.rows(split)) for split in ("validation", "calibration", "test"))
    below.clear()
    assemble(tmp_path / "model", run, context, chosen)
    # its loss with what "high" reads, the model's answers, its own alone; the calibration
    assert list(below.values()) == [3 * validation + calibration]
    below.clear()
    above.clear()
    picks = {group: Pick.single("selection", entry) for group, entry in chosen.items()}
    evaluate_test(run, context, sweetspot, picks)
    selected = Pool(run, context, context.groups[0]).build(picks["low"])
    assert isinstance(selected, GroupModule)
    weights = selected.parameter_dict()["low.last.weight"].numpy().tobytes()
    assert below.pop(weights) == 2 * test
    # another variant's epoch: its answers on test, those for "high", and perhaps its loss in the common soup
    assert len(below) >= 2
    assert all(count <= 2 * test + 2 * validation for count in below.values())
    assert sum(below.values()) < 12 * (2 * test + 2 * validation)
    # nothing reads "high", so that it has soups and ensembles: in forward passes no more than its training took
    training = 3 * TRAINING["epochs"] * len(context.training_rows(context.groups[1]))
    assert 20 * validation < sum(above.values()) <= training
