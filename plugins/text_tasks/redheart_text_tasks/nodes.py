"""The nodes of this package: a field by an architecture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from redheart_core import BuildContext, NodeSpec, Objective, hookimpl
from redheart_core.nn.answers import answer_objective, answer_outputs
from redheart_text_tasks.settings import AttentiveSettings, PooledSettings, RecurrentSettings

if TYPE_CHECKING:
    from torch import nn


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

MAIN_METRICS: Mapping[str, str] = {"vad": "pearson_r"}
"""Where it is another than that of redheart_core.nn.answers: ratings of EmoBank are published as correlations."""


def provide(field: str, architecture: str) -> Callable[[], list[NodeSpec]]:
    """The hook implementation that offers the node of a field and an architecture."""
    built = ARCHITECTURES[architecture]

    @hookimpl
    def redheart_provide_analyzers() -> list[NodeSpec]:
        return [
            NodeSpec(
                name=f"{field}_{architecture}",
                meaning=f"{field} by {built.meaning}",
                settings=built.settings,
                scales=built.scales,
                reads=built.reads,
                gives=answer_outputs((field,)),
                build=partial(_build, field, architecture),
                objective=partial(_objective, field),
                targets=(field,),
                layers=built.layers,
            )
        ]

    return redheart_provide_analyzers


def _build(field: str, architecture: str, context: BuildContext) -> nn.Module:
    from redheart_text_tasks import training

    builders = {
        "pooled": training.build_pooled,
        "attentive": training.build_attentive,
        "recurrent": training.build_recurrent,
    }
    return builders[architecture](context, field)


def _objective(field: str, context: BuildContext) -> Objective:
    found = answer_objective(context, (field,))
    main = MAIN_METRICS.get(field)
    return attrs.evolve(found, metrics=tuple(sorted(found.metrics, key=lambda metric: metric.name != main)))
