"""The conformance kit puts a node among the nodes that it reads."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import torch
from torch import Tensor, nn

from redheart_core import SCALES, Field, LossTerm, NodeSpec, Objective, Output, PluginError
from redheart_core.data.batch import Batch
from redheart_core.discovery.entries import Entry
from redheart_core.nn.chunks import masked_mean
from redheart_core.nn.losses import squared_error
from redheart_core.nn.metrics import value_metrics
from redheart_core.testing import NODE_CHECKS, ConformanceError, NotApplicable, Plugin, Sample, Subject, make_subject

ENTRY = Entry("made_up", "json", "made-up", "1.0")
"""Of plugins that no package offers; the module imports quickly."""

SCALE_TABLES = {scale: {"width": width} for scale, width in zip(SCALES, (12, 16, 32, 64), strict=True)}


@attrs.frozen
class WidthSettings:
    """One width."""

    width: int = 12


@pytest.fixture(scope="module")
def sample() -> Sample:
    """24 records of 1 to 4 chunks, whose worth follows from the embedding."""
    embedding = torch.randn(24, 4, 6, generator=torch.Generator().manual_seed(5))
    mask = torch.arange(4) < torch.arange(24).remainder(4).add(1).unsqueeze(1)
    embedding = embedding * mask.unsqueeze(-1)
    worth = masked_mean(embedding, mask)[:, 0].mul(2).sigmoid()
    return Sample(
        Batch({"embedding": embedding, "mask": mask}, {"worth": worth}), {"worth": Field("worth", "a number", 0.0, 1.0)}
    )


def plugin_of(spec: NodeSpec, kind: Any = "analyzer") -> Plugin:
    return Plugin(spec.name, kind, spec, ENTRY)


def complaints(subject: Subject) -> dict[str, str]:
    found = {}
    for check in NODE_CHECKS:
        try:
            check(subject)
        except NotApplicable:
            continue
        except ConformanceError as error:
            found[check.__name__.removeprefix("check_")] = str(error)
    return found


class Base(nn.Module):
    """Features for others."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        self.layer = nn.Linear(width_in, width)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        sequence = torch.tanh(self.layer(inputs["embedding"]))
        return {"state": masked_mean(sequence, inputs["mask"]), "sequence": sequence}


class Head(nn.Module):
    """Worth from the features."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.worth = nn.Linear(2 * width, 1)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        state = torch.cat([inputs["base.state"], masked_mean(inputs["base.sequence"], inputs["mask"])], -1)
        return {"worth": self.worth(state).squeeze(-1).sigmoid()}


BASE = NodeSpec(
    name="base",
    meaning="features",
    settings=WidthSettings,
    scales=SCALE_TABLES,
    reads=("embedding",),
    gives=(
        Output("state", "of the text", "features", ("width",)),
        Output("sequence", "of the chunks", "features", ("T", "width")),
    ),
    build=lambda context: Base(context.input_width("embedding"), context.settings.width),
    group="shared",
)
HEAD = NodeSpec(
    name="top",
    meaning="worth from features",
    settings=WidthSettings,
    scales=SCALE_TABLES,
    reads=("base.state", "base.sequence"),
    gives=(Output("worth", "the worth", "values", low=0.0, high=1.0),),
    build=lambda context: Head(context.input_width("base.state")),
    objective=lambda settings: Objective(
        losses=(LossTerm("worth", "worth", "values", squared_error),), metrics=value_metrics("worth", "worth")
    ),
    targets=("worth",),
    group="shared",
)


def test_a_head_is_checked_together_with_the_group_that_it_reads(sample: Sample) -> None:
    subject = make_subject(plugin_of(HEAD, "head"), sample, [plugin_of(BASE)])
    assert [node.name for node in subject.group.nodes] == ["base", "top"]
    assert set(subject.records.inputs) == {"embedding", "mask"}
    assert complaints(subject) == {}


def test_a_node_without_an_objective_is_trained_by_its_group(sample: Sample) -> None:
    subject = make_subject(plugin_of(BASE), sample, [plugin_of(HEAD, "head")])
    assert [node.name for node in subject.group.nodes] == ["base", "top"]
    assert complaints(subject) == {}
    alone = make_subject(plugin_of(BASE), sample)
    assert "layer.weight (72 elements): no gradient" in complaints(alone)["every_parameter_learns"]


def test_a_node_of_a_higher_tier_reads_computed_outputs_of_the_lower_one(sample: Sample) -> None:
    reader = attrs.evolve(HEAD, group=None)
    subject = make_subject(plugin_of(reader, "fusion"), sample, [plugin_of(BASE)])
    assert [node.name for node in subject.group.nodes] == ["top"]
    assert set(subject.records.inputs) == {"embedding", "mask", "base.state", "base.sequence"}
    assert complaints(subject) == {}


def test_what_a_node_reads_and_learns_has_to_be_there(sample: Sample) -> None:
    with pytest.raises(PluginError, match=r"plugin 'base' is not installed \(packages: "):
        make_subject(plugin_of(HEAD, "head"), sample)
    famous = attrs.evolve(HEAD, targets=("fame",))
    with pytest.raises(PluginError, match="plugin 'top' learns 'fame', which the data set lacks"):
        make_subject(plugin_of(famous, "head"), sample, [plugin_of(BASE)])
