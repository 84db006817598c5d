"""Groups that answer texts in some languages alone: whom they serve, and what stands for the answers on others.

For a record that a group does not serve its outputs are NaN. The core alone makes such rows.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from redheart_core.contract.fields import Shape
from redheart_core.data.batch import Batch
from redheart_core.data.language import language_number
from redheart_core.groups.group import Group


def serves(group: Group, language: Tensor) -> Tensor:
    """Which records a group answers, (B,) bool.

    Args:
        group: Any.
        language: (B,) int64, the language_number of each record's text.
    """
    if not group.languages:
        return torch.ones(len(language), dtype=torch.bool, device=language.device)
    spoken = torch.tensor([language_number(code) for code in group.languages], device=language.device)
    return torch.isin(language, spoken)


def absent_outputs(group: Group, shapes: Mapping[str, Shape], batch: Batch) -> dict[str, Tensor]:
    """What stands for the outputs of a group for records that it does not answer: NaN, (B, *shape) for each."""
    found = {}
    for node in group.nodes:
        for name in sorted(group.wanted(node)):
            sizes = (batch.chunks if size == "T" else int(size) for size in shapes[f"{node.name}.{name}"])
            found[f"{node.name}.{name}"] = torch.full(
                (batch.size, *sizes), torch.nan, device=batch.inputs["mask"].device
            )
    return found
