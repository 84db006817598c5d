"""Offers the model `ready`: answers on English and Korean texts before anything is trained."""

from __future__ import annotations

from redheart_core import ModelSpec, hookimpl


@hookimpl
def redheart_provide_models() -> list[ModelSpec]:
    """Offer the model."""
    return [
        ModelSpec(
            name="ready",
            meaning="emotions (28, the basic ones of Ekman, seven shares, 44 Korean ones), valence, arousal, "
            "dominance, regret, Bentham's circumstances, factors of a choice, a crowd's verdict; English and Korean",
            folder="package:redheart_ready/model",
        )
    ]
