"""What a node is built from and what it reads, made up for tests of its module alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor

from redheart_core.contract.catalogue import CATALOGUE
from redheart_core.contract.fields import Field
from redheart_core.contract.nodes import BuildContext, NodeSpec
from redheart_core.groups.binding import bind_node

Shapes = Mapping[str, tuple[int | str, ...]]
NO_FIELDS: Mapping[str, Field] = MappingProxyType({})


def build_context(
    spec: NodeSpec,
    names: Iterable[str],
    inputs: Shapes,
    fields: Mapping[str, Field] = NO_FIELDS,
    scale: str = "tiny",
) -> BuildContext:
    """What the builder of a node sees, with the node's settings of a scale.

    Args:
        spec: The node.
        names: The fields of the data set, out of the catalogue.
        inputs: The shape of one record of each input; "T" stands for the number of chunks.
        fields: Fields that stand in for those of the catalogue.
        scale: Whose settings are taken.
    """
    known = {name: CATALOGUE[name] for name in names} | dict(fields)
    wanted = frozenset(output.name for output in bind_node(spec, known).gives)
    return BuildContext(spec.settings(**spec.scales[scale]), scale, inputs, known, wanted)


def random_inputs(inputs: Shapes, lengths: Sequence[int] = (3, 1, 2, 3), seed: int = 0) -> dict[str, Tensor]:
    """Random numbers of these shapes and the mask of the chunks, for records of so many chunks."""
    draw, longest = torch.Generator().manual_seed(seed), max(lengths)
    given = {}
    for name, shape in inputs.items():
        sizes = [longest if size == "T" else size for size in shape]
        assert all(isinstance(size, int) for size in sizes), f"{name} has a size that is neither a number nor T"
        given[name] = torch.randn(len(lengths), *sizes, generator=draw)  # type: ignore[arg-type] # see the line above
    return given | {"mask": torch.arange(longest) < torch.tensor(lengths).unsqueeze(1)}
