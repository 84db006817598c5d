"""A node as a run uses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from redheart_core.contract.fields import Field
from redheart_core.contract.nodes import NodeSpec
from redheart_core.data.token_views import TOKENS
from redheart_core.groups.binding import addend, resolve_node


@attrs.frozen
class ActiveNode:
    """A node as plugins.toml resolves it for one run."""

    spec: NodeSpec
    kind: Literal["analyzer", "head", "fusion"]
    plugin: str
    """Its name as a package offers it; that of the node is another one if plugins.toml uses it once more."""
    distribution: str
    version: str
    group: str
    settings: Any
    learning_rate_scale: float = 1.0
    loss_weight: float = 1.0
    residual: bool = True
    """Whether it learns what the baseline leaves, on the fields that both answer."""
    baseline: str = ""
    """The node to whose answers its own are added."""
    residual_fields: tuple[str, ...] = ()
    """The fields on which they are; both are set when nodes are bound to data."""
    learns: tuple[str, ...] = ()
    """Fields, of those that it learns where the data set has them; all of them if none is named."""
    beside: tuple[str, ...] = ()
    """Features "node.output" of other groups that stand beside the embedding for it."""
    ignores: tuple[str, ...] = ()
    """Optional fields that it does not read although the data set has them."""
    tokenizer: str = ""
    """Name or SHA-256 of the one, of several of the data, whose tokens it reads; the SHA-256 once it is chosen."""
    tokens: str = TOKENS
    """The view of these tokens; set when it is chosen."""
    absent: tuple[str, ...] = ()
    """Of reads those that may be absent; set when groups are planned."""
    languages: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Those of them that are answered for texts in some languages alone, with the codes; likewise."""

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def reads(self) -> tuple[str, ...]:
        """All that is read for it: what its module reads, what stands beside, and the answers its own are added to."""
        added = (addend(self.spec, field) for field in self.residual_fields)
        return (*self.spec.reads, *self.beside, *(f"{self.baseline}.{name}" for name in added))

    def view(self, read: str) -> str:
        """What a batch calls that which the module reads by a name."""
        return self.tokens if read == TOKENS else read

    def learnable(self, fields: Mapping[str, Field]) -> dict[str, Field]:
        """The data set's fields without those that it ignores, or that it could learn and learns does not name."""
        left_out = set(resolve_node(self.spec, fields).optional_targets) - set(self.learns) if self.learns else set()
        return {name: field for name, field in fields.items() if name not in left_out | set(self.ignores)}
