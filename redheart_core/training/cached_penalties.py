"""Penalties of a group whose batches are computed in parts, by two passes (GradCache; Gao et al. 2021).

A penalty looks at the outputs for a whole batch. The first pass computes these part by part and keeps no graph; the
gradient of the penalty by these outputs is then known, and the second pass has every part descend its own share of it.
Both passes draw the same random numbers, so that dropout leaves out the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from redheart_core.contract.errors import SettingsError
from redheart_core.data.batch import Batch
from redheart_core.groups.objective import penalised_outputs, penalties
from redheart_core.storage.runtime import default_generators

if TYPE_CHECKING:
    from redheart_core.training.group_trainer import GroupTrainer


class CachedPenalties:
    """The penalties of a batch, and their gradients by the outputs of its parts."""

    def __init__(self, trainer: GroupTrainer, parts: Sequence[Batch], where: str) -> None:
        """The first pass.

        Args:
            trainer: Of the group; it has a penalty.
            parts: The batch.
            where: The setting that asks for parts.

        Raises:
            SettingsError: The module changes its buffers as it computes, which two passes would do twice.
        """
        self._device = trainer.device
        self._before: list[list[Tensor]] = []
        names = penalised_outputs(trainer.module)
        found: dict[str, list[Tensor]] = {name: [] for name in names}
        buffers = list(trainer.module.buffers())
        versions = [one._version for one in buffers]
        with torch.no_grad():
            for part in parts:
                self._before.append([one.get_state() for one in default_generators(self._device)])
                outputs = trainer.forward(part)
                for name in names:
                    found[name].append(outputs[name])
        if [one._version for one in buffers] != versions:
            raise SettingsError(
                f"{where}: the module changes its buffers as it computes, which the two passes that its penalty needs "
                "would do twice; leave the setting out"
            )
        whole = {name: torch.cat(tensors) for name, tensors in found.items()}
        for tensor in whole.values():
            tensor.requires_grad_(tensor.is_floating_point())
        value = sum(penalties(trainer.module, whole), torch.zeros((), device=self._device))
        self.value = value.detach()
        """Their weighted sum, () float32."""
        self._gradients = _gradients(value, whole, [part.size for part in parts])

    def draw_again(self, number: int) -> None:
        """Have torch draw from now on what it drew when the first pass computed a part."""
        for one, state in zip(default_generators(self._device), self._before[number], strict=True):
            one.set_state(state)

    def share(self, number: int, outputs: dict[str, Tensor]) -> Tensor | None:
        """A number whose gradient by the outputs for a part is that of the penalties; None if these are constant."""
        total: Tensor | None = None
        for name, gradients in self._gradients.items():
            product = (outputs[name] * gradients[number]).sum()
            total = product if total is None else total + product
        return total


def _gradients(value: Tensor, whole: dict[str, Tensor], sizes: Sequence[int]) -> dict[str, Sequence[Tensor]]:
    """Of a number by tensors, those of each part; only the tensors on which it depends."""
    leaves = {name: tensor for name, tensor in whole.items() if tensor.requires_grad}
    if not value.requires_grad:
        return {}
    found = torch.autograd.grad(value, list(leaves.values()), allow_unused=True)
    return {
        name: torch.split(gradient, list(sizes))
        for name, gradient in zip(leaves, found, strict=True)
        if gradient is not None
    }
