"""A node's declaration on the fields of a data set: which of its optional fields and outputs are there."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import attrs

from redheart_core.contract.fields import Field
from redheart_core.contract.nodes import NodeSpec, Output


def resolve_node(spec: NodeSpec, fields: Mapping[str, Field]) -> NodeSpec:
    """The same node with the names that learns_any finds among the fields."""
    found = spec.learns_any(fields) if spec.learns_any else {}
    return attrs.evolve(
        spec,
        gives=(*spec.gives, *(output for outputs in found.values() for output in outputs)),
        optional_targets=(*spec.optional_targets, *found),
        gathers=(*spec.gathers, *(found if spec.gathers_any else ())),
        learns_any=None,
        gathers_any=False,
    )


def bind_node(spec: NodeSpec, fields: Mapping[str, Field]) -> NodeSpec:
    """The same node on a data set with these fields: what is optional is read and learnt, or left out."""
    resolved = resolve_node(spec, fields)
    read = tuple(field for field in resolved.optional_reads if field in fields)
    learnt = tuple(field for field in resolved.optional_targets if field in fields)
    return attrs.evolve(
        resolved,
        reads=tuple(dict.fromkeys((*resolved.reads, *read))),
        targets=tuple(dict.fromkeys((*resolved.targets, *learnt))),
        gives=tuple(output for output in resolved.gives if _is_given(output, fields)),
        optional_reads=read,
        optional_targets=learnt,
    )


def addend(spec: NodeSpec, field: str) -> str | None:
    """The output in whose space a node's answers on a field are added: its values, or the logits of its probabilities.

    None if the node does not answer the field, or with probabilities and without FIELD_logits.
    """
    if not spec.answers(field):
        return None
    if spec.output(field).form == "values":
        return field
    logits = (f"{field}_logits", "logits", (), spec.output(field).labels)
    return logits[0] if logits in {(one.name, one.form, one.shape, one.labels) for one in spec.gives} else None


def quantile_output(spec: NodeSpec, field: str) -> str | None:
    """The output with the quantiles of a node's answers on a field, FIELD_quantiles; None if it gives none."""
    name = f"{field}_quantiles"
    return name if any(one.name == name and one.form == "values" for one in spec.gives) else None


def _is_given(output: Output, fields: Collection[str]) -> bool:
    """Whether a data set with these fields allows an output."""
    needed = output.needs if output.labels is None else (*output.needs, output.labels)
    return all(field in fields for field in needed)
