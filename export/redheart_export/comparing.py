"""How far the answers of an exported model are from those of PyTorch."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
from torch import Tensor

from redheart_core.contract.errors import CheckpointError
from redheart_core.models.model import Model
from redheart_export.inputs import ModelInputs
from redheart_export.manifest import Difference


@attrs.define
class _Sum:
    maximum: float = 0.0
    total: float = 0.0
    numbers: int = 0

    def add(self, one: Tensor, other: Tensor) -> None:
        distance = (one.double() - other.double()).abs()
        distance = distance[~distance.isnan()]
        if len(distance):
            self.maximum = max(self.maximum, float(distance.max()))
            self.total += float(distance.sum())
            self.numbers += len(distance)

    def done(self) -> Difference:
        return Difference(self.maximum, self.total / self.numbers if self.numbers else 0.0, self.numbers)


def compare_models(real: Model, exported: Model, inputs: Iterable[ModelInputs]) -> tuple[dict[str, Difference], int]:
    """By "node.output" how far two models are apart, and on how many texts; each text is answered by both.

    Raises:
        CheckpointError: A number is missing in the answers of one model alone, or there is no text.
    """
    sums: dict[str, _Sum] = {}
    texts = 0
    for one in inputs:
        texts += len(one)
        answers, _ = one.answers(real)
        others, _ = one.answers(exported)
        for name, answer in answers.items():
            if not answer.isnan().equal(others[name].isnan()):
                raise CheckpointError(
                    f"'{name}' is missing (NaN) for other texts by ONNX Runtime than by PyTorch; report the plugin, "
                    "whose graph treats missing numbers otherwise than its module"
                )
            sums.setdefault(name, _Sum()).add(answer, others[name])
    if not texts:
        raise CheckpointError("there is no text to compare the exported model on; name a file with some by --texts")
    return {name: one.done() for name, one in sorted(sums.items())}, texts
