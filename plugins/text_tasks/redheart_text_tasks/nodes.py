"""The nodes of this package: a field by an architecture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from redheart_core import CATALOGUE, NodeSpec
from redheart_core.nn.answers import answer_outputs, declared_answers
from redheart_text_tasks.settings import AttentiveSettings, PooledSettings, RecurrentSettings


@attrs.frozen
class Architecture:
    """What the nodes of one architecture have in common."""

    meaning: str
    settings: type[Any]
    scales: Mapping[str, Mapping[str, Any]]
    reads: tuple[str, ...]
    layers: tuple[str, ...]


ARCHITECTURES: Mapping[str, Architecture] = {
    "pooled": Architecture(
        "a network on the mean chunk beside linear maps of chunks and terms",
        PooledSettings,
        {
            "tiny": {"width": 16},
            "small": {},
            "base": {"width": 2048, "layers": 3},
            "full": {"width": 3072, "layers": 4},
        },
        ("embedding", "terms"),
        ("state", "answer", "skips", "term_map"),
    ),
    "attentive": Architecture(
        "attention over the chunks beside a bottleneck of the terms",
        AttentiveSettings,
        {
            "tiny": {"width": 16, "heads": 2, "bottleneck": 4},
            "small": {},
            "base": {"width": 768, "heads": 12, "layers": 4, "bottleneck": 128},
            "full": {"width": 1024, "heads": 16, "layers": 6, "bottleneck": 256},
        },
        ("embedding", "terms"),
        ("state.chunks", "state.layers.*", "state.pool", "bottleneck", "answer", "skips"),
    ),
    "recurrent": Architecture(
        "a bidirectional LSTM over the chunks",
        RecurrentSettings,
        {
            "tiny": {"width": 12},
            "small": {},
            "base": {"width": 768, "layers": 2},
            "full": {"width": 1024, "layers": 3},
        },
        ("embedding",),
        ("state.chunks", "state.lstm", "answer", "skips"),
    ),
}

FIELDS = ("ekman", "goemotions", "kote", "vad", "votes")


def node(field: str, architecture: str) -> NodeSpec:
    """The node of a field and an architecture."""
    built = ARCHITECTURES[architecture]
    return NodeSpec(
        name=f"{field}_{architecture}",
        meaning=f"{field} by {built.meaning}",
        settings=built.settings,
        scales=built.scales,
        reads=built.reads,
        gives=answer_outputs(CATALOGUE[field]),
        build=f"redheart_text_tasks.training:build_{architecture}",
        grown=f"redheart_text_tasks.training:grown_{architecture}",
        objective="redheart_text_tasks.training:objective",
        targets=(field,),
        layers=built.layers,
    )


def declared_node() -> NodeSpec:
    """The node that learns the fields which a data set declares itself, by the first architecture."""
    built = ARCHITECTURES["pooled"]
    return NodeSpec(
        name="pooled",
        meaning=f"every field that the data set declares itself, each by {built.meaning}",
        settings=built.settings,
        scales=built.scales,
        reads=built.reads,
        gives=(),
        build="redheart_text_tasks.declared:build",
        grown="redheart_text_tasks.training:grown_pooled",
        objective="redheart_text_tasks.declared:objective",
        learns_any=declared_answers,
    )
