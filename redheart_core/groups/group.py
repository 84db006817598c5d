"""A checkpoint group: which nodes it holds, and what it reads of others."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from redheart_core.config.tables import GroupSettings
from redheart_core.data.token_views import token_views
from redheart_core.groups.active import ActiveNode


@attrs.frozen
class Group:
    """A checkpoint group: the nodes that share gradients, an optimizer, an epoch and files."""

    name: str
    nodes: tuple[ActiveNode, ...]
    """In the order in which they compute."""
    tier: int
    """0 reads the data alone; a higher one reads outputs of lower ones."""
    reads: tuple[str, ...]
    """Groups whose outputs it reads."""
    requires: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict, hash=False)
    """For each node the fields of the data set without which it cannot evaluate a record: those that
    it reads, and those that the nodes it reads require in turn."""
    settings: GroupSettings = attrs.field(factory=GroupSettings)

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes of the only languages that it answers; all if there are none."""
        return self.settings.languages

    @property
    def inputs(self) -> tuple[str, ...]:
        """Everything beside embedding and mask that a batch for the group holds."""
        read = [node.view(name) for node in self.nodes for name in node.spec.reads]
        terms = ["terms"] if "terms" in read else []
        return (*self.fields, *terms, *dict.fromkeys(token_views(read)), *self.external)

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields of the data set that its nodes read, or need to evaluate a record."""
        read = {field for node in self.nodes for field in node.spec.read_fields}
        required = {field for fields in self.requires.values() for field in fields}
        return tuple(sorted(read | required))

    @property
    def external(self) -> tuple[str, ...]:
        """Names "node.output" of other groups that its nodes read."""
        own = {node.name for node in self.nodes}
        names = {read for node in self.nodes for read in node.reads}
        return tuple(sorted(name for name in names if "." in name and name.partition(".")[0] not in own))

    def wanted(self, node: ActiveNode) -> frozenset[str]:
        """Outputs of a node that its group uses: all, but of a module without losses only what the group reads.

        What no node of the group reads gets no gradient, so it is not built.
        """
        if node.spec.objective is not None or all(other.spec.objective is None for other in self.nodes):
            return frozenset(output.name for output in node.spec.gives)
        reads = [read.partition(".") for other in self.nodes for read in other.spec.reads]
        return frozenset(output for source, _, output in reads if source == node.name)

    @property
    def fitted(self) -> bool:
        """Whether its weights are computed in closed form, in one go, instead of descended to."""
        return any(node.spec.fit is not None for node in self.nodes)

    @property
    def fits_validation(self) -> bool:
        """Whether its weights follow from validation records alone."""
        return all(node.spec.fits_validation for node in self.nodes)

    @property
    def begins_at_baseline(self) -> bool:
        """Whether it answers before its first update, which makes an epoch 0.

        Some of its nodes answer as the baseline then, and none has to learn anything else.
        """
        learning = [node for node in self.nodes if node.spec.objective is not None]
        return any(node.residual_fields for node in learning) and all(
            {*node.spec.targets} <= {*node.residual_fields, *node.spec.optional_targets} for node in learning
        )

    @property
    def targets(self) -> tuple[str, ...]:
        """Fields that its nodes learn."""
        return tuple(sorted({target for node in self.nodes for target in node.spec.targets}))
