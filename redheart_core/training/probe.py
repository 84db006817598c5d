"""Records that vary in everything, made up to tell a module that cannot learn from data that teach it nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from redheart_core.contract.fields import Field, Shape
from redheart_core.data.batch import Batch
from redheart_core.data.store import Store
from redheart_core.data.token_views import token_views
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import GroupModule
from redheart_core.nn.answers import as_shares

CHUNKS = 3


def varied(module: GroupModule, batch: Batch, stream: torch.Generator) -> Batch:
    """Real records with several chunks each, and with fields and targets drawn at random within their ranges.

    Chunks are those of other records, with noise. Nothing is trained or evaluated on such records.
    """
    mask = torch.ones(batch.size, CHUNKS, dtype=torch.bool, device=batch.inputs["mask"].device)
    inputs = {"mask": mask}
    for name, tensor in batch.inputs.items():
        if name == "language":
            inputs[name] = tensor
        elif name in module.fields:
            inputs[name] = _random_field(module.fields[name], tensor, stream)
        elif name == "terms":
            inputs[name] = _uniform(tensor, 0.0, 1.0, stream)
        elif token_views([name]):
            inputs[name] = torch.randint(int(tensor.max()) + 1, (batch.size, 2 * tensor.shape[1]), generator=stream)
            inputs[name] = inputs[name].to(tensor.device)
        elif name != "mask":
            inputs[name] = _several_chunks(tensor, module.shapes[name], stream if name == "embedding" else None)
    targets = {name: _random_field(module.fields[name], tensor, stream) for name, tensor in batch.targets.items()}
    return Batch(inputs, targets)


def sameness(store: Store, group: Group) -> tuple[str, ...]:
    """What is the same in all training records that a group reads or learns, for people."""
    rows = store.rows("train")
    found = []
    if store.has_texts and int(store.chunk_counts[rows].max()) == 1:
        found.append(
            "every training text has one chunk, so that nothing can be learnt about the order and weight of chunks"
        )
    for name in sorted({*group.fields, *group.targets}):
        if bool(constant_labels(store, store.fields[name], "train").all()):
            found.append(f"'{name}' is the same in all training records")
    if "terms" in group.inputs and not store.term_matrix(rows).nnz:
        found.append("no training text has a known term")
    return tuple(found)


def constant_labels(store: Store, field: Field, split: str) -> Tensor:
    """Which numbers of a field, (K,) bool, are the same in all records of a split that have them."""
    numbers = as_shares(field, store.target(field.name)[store.rows(split)].double())
    columns = numbers.reshape(len(numbers), -1)
    there = ~columns.isnan()
    highest = columns.masked_fill(~there, -math.inf).amax(0)
    return highest <= columns.masked_fill(~there, math.inf).amin(0)


def _several_chunks(tensor: Tensor, shape: Shape, stream: torch.Generator | None) -> Tensor:
    """An input with chunks gets those of its neighbours in the batch; one without stays."""
    if "T" not in shape:
        return tensor
    axis = 1 + shape.index("T")
    first = tensor.select(axis, 0)
    longer = torch.stack([first.roll(step, 0) for step in range(CHUNKS)], axis)
    if stream is None:
        return longer
    return longer + torch.randn(longer.shape, generator=stream).to(longer.device) * longer.std(correction=0).clamp(0.1)


def _random_field(field: Field, tensor: Tensor, stream: torch.Generator) -> Tensor:
    if field.simplex:
        return _uniform(tensor, 0.05, 1.0, stream).log().neg().softmax(-1)
    if field.binary:
        return _uniform(tensor, 0.0, 1.0, stream).round()
    if field.counts:
        return _uniform(tensor, 1.0, 5.0, stream).round()
    low, high = (end if math.isfinite(end) else side for end, side in ((field.low, -1.0), (field.high, 1.0)))
    return _uniform(tensor, low, high, stream)


def _uniform(tensor: Tensor, low: float, high: float, stream: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(tensor.shape, generator=stream).to(tensor.device)


def listed(reasons: Sequence[str]) -> str:
    """The reasons as one text."""
    return "; ".join(reasons) or "the audited records do not vary enough"
