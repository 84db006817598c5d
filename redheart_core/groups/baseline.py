"""Which nodes start from the answers of the baseline, and on which fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

import attrs

from redheart_core.contract.errors import PluginError
from redheart_core.contract.fields import Field
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.binding import addend


def find_baseline(nodes: Sequence[ActiveNode]) -> ActiveNode | None:
    """The node from whose answers others start, None if there is none.

    Raises:
        PluginError: There are several.
    """
    found = sorted((node for node in nodes if node.spec.baseline), key=lambda node: node.name)
    if len(found) > 1:
        raise PluginError(
            f"{', '.join(node.name for node in found)} are all baselines, from whose answers the networks start; "
            f"keep one of them, the others go with --disable {found[-1].name}"
        )
    return found[0] if found else None


def start_from_baseline(nodes: Sequence[ActiveNode], fields: Mapping[str, Field]) -> tuple[ActiveNode, ...]:
    """Bound nodes, each with the fields on which its own answers are added to those of the active baseline.

    These are fields that both answer in the same form: values in a finite range, or probabilities with their logits.
    Nodes that are fitted or gather answers are left as they are, as are those of groups that the baseline itself reads.

    Raises:
        PluginError: Several nodes are a baseline.
    """
    baseline = find_baseline(nodes)
    if baseline is None:
        return tuple(nodes)
    below = _groups_below(baseline, nodes)
    return tuple(
        attrs.evolve(node, baseline=baseline.name, residual_fields=shared)
        if node.residual and node.group not in below and (shared := _shared(node, baseline, fields))
        else node
        for node in nodes
    )


def _shared(node: ActiveNode, baseline: ActiveNode, fields: Mapping[str, Field]) -> tuple[str, ...]:
    if node.spec.fit is not None or node.spec.gathers or node.spec.gathers_any:
        return ()
    return tuple(
        name
        for name in node.spec.targets
        if (output := addend(node.spec, name)) is not None
        and output == addend(baseline.spec, name)
        and (output != name or isfinite(fields[name].high - fields[name].low))
    )


def _groups_below(baseline: ActiveNode, nodes: Sequence[ActiveNode]) -> set[str]:
    """The baseline's own group, and those that it reads."""
    by_name = {node.name: node for node in nodes}
    below = {baseline.group}
    while True:
        reads = {read.partition(".")[0] for node in nodes if node.group in below for read in node.spec.reads}
        more = {by_name[name].group for name in reads & by_name.keys()} - below
        if not more:
            return below
        below |= more
