"""Outputs of a group that were evaluated against a field, in its shape, and what all findings on one have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs

from redheart_core.contract.fields import Field
from redheart_core.groups.binding import quantile_output
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import Answering
from redheart_core.models.manifest import LabelStatistics, ModelManifest


@attrs.frozen
class EvaluatedOutput:
    """One of them."""

    place: tuple[str, str, str]
    """Plugin, output and field."""
    epoch: int | None
    """Of the group."""
    unit: str
    labels: Sequence[str]
    """Elements of the field."""
    usual: Sequence[LabelStatistics]
    """Of each label over the training records."""
    means: Sequence[float | None]
    """Likewise."""
    thresholds: Sequence[float | None]
    """Of each label."""

    quantiles: str | None
    """"node.output" of the quantiles of the answer, if the node gives any."""

    @property
    def name(self) -> str:
        """Of the output."""
        return f"{self.place[0]}.{self.place[1]}"


def evaluated_outputs(
    manifest: ModelManifest, fields: Mapping[str, Field], group: Group, module: Answering
) -> Iterator[EvaluatedOutput]:
    """Those of a group; one that was taken at epoch 0 has learnt nothing of its own, unless it began at a model."""
    stored = manifest.groups[group.name]
    for node in group.nodes:
        objective = module.objectives.get(node.name)
        metrics = objective.metrics if objective else ()
        pairs = {(one.output, one.target): None for one in metrics if one.shape is None}
        if stored.epoch == 0 and not stored.started:  # all else is untrained there
            pairs = {pair: None for pair in pairs if pair[0] == pair[1] in node.residual_fields}
        for output, target in pairs:
            labels = fields[target].elements
            quantiles = quantile_output(node.spec, target) if output == target else None
            usual = [manifest.statistics[target][label] for label in labels]
            yield EvaluatedOutput(
                (node.name, output, target),
                stored.epoch,
                fields[target].unit if node.spec.output(output).form == "values" else "1",
                labels,
                usual,
                [one.mean for one in usual],
                stored.thresholds.get(f"{node.name}.{output}", [None] * len(labels)),
                None if quantiles is None else f"{node.name}.{quantiles}",
            )
