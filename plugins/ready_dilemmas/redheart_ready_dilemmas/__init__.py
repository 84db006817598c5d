"""Offers the model `ready_dilemmas`: which of two acts people find less ethical."""

from __future__ import annotations

from redheart_core import ModelSpec, hookimpl


@hookimpl
def redheart_provide_models() -> list[ModelSpec]:
    """Offer the model."""
    return [
        ModelSpec(
            name="ready_dilemmas",
            meaning="which of two acts people find less ethical, as votes; English; for redheart decide",
            folder="package:redheart_ready_dilemmas/model",
            compares=True,
        )
    ]
