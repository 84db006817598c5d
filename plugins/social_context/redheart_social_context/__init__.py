"""Persons, matters and culture that a text names, and what is at stake for whom."""

from __future__ import annotations

from redheart_core import LayerSpec, hookimpl


@hookimpl
def redheart_provide_layers() -> list[LayerSpec]:
    """The one layer."""
    return [
        LayerSpec(
            name="social_context",
            meaning="Stakes: raised by a vulnerable person or a grave matter in the text, high by both.",
            kind="context",
            score="redheart_social_context.stakes:score",
            notes="redheart_social_context.stakes:notes",
            reason="vulnerable persons or grave matters",
        )
    ]
