"""Answers of fitted nodes on their own training records that were not learnt from these records.

What a closed form says of a record that it was fitted on knows the record's target. Groups that are trained on such
answers would trust them too much (Wolpert 1992, Stacked Generalization), so that they read these in their place.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import torch
from torch import Tensor

from redheart_core.contract.errors import CheckpointError

ROWS = "rows"
"""Name of the row numbers among the tensors; no answer has it, as those are named "node.output"."""


@attrs.frozen(eq=False)
class HonestAnswers:
    """What the readers of a fitted group get for the records that it was fitted on."""

    rows: Tensor
    """(N,) int64, ascending: the row numbers of these records."""
    answers: Mapping[str, Tensor]
    """"node.output" to (N, *shape) float32; NaN where the module's own answer is honest."""

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> HonestAnswers:
        """What tensors gave.

        Raises:
            CheckpointError: These are no honest answers.
        """
        answers = {name: tensor for name, tensor in tensors.items() if name != ROWS}
        if ROWS not in tensors or any(len(tensor) != len(tensors[ROWS]) for tensor in answers.values()):
            raise CheckpointError("the file of the honest answers holds other tensors; train the group again")
        return cls(tensors[ROWS], answers)

    def tensors(self) -> dict[str, Tensor]:
        """All of it by name, for a file."""
        return {ROWS: self.rows, **self.answers}

    def replace(self, name: str, rows: Tensor, own: Tensor) -> Tensor:
        """The module's own answers for some rows, (B, *shape), with the honest ones in place of those learnt from."""
        if name not in self.answers or not len(self.rows):
            return own
        places = torch.searchsorted(self.rows, rows).clamp(max=len(self.rows) - 1)
        learnt = self.rows[places] == rows
        honest = self.answers[name][places]
        replaced = learnt.view(-1, *[1] * (honest.dim() - 1)) & ~honest.isnan()
        return torch.where(replaced.to(own.device), honest.to(own.device), own)
