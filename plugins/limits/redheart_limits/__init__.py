"""Limits of what a model knows: texts far from all training texts, of unknown terms, or much shorter or longer."""

from __future__ import annotations

from redheart_core import LayerSpec, hookimpl


@hookimpl
def redheart_provide_layers() -> list[LayerSpec]:
    """The three layers."""
    return [
        LayerSpec(
            name="limit_of_distance",
            meaning="How far the vector of a text is from the training texts, where these spread least (leverage).",
            fit="redheart_limits.distance:fit",
            score="redheart_limits.distance:score",
            reason="the text is unlike the training data",
            remedy="a model that was trained on texts of this kind",
        ),
        LayerSpec(
            name="limit_of_terms",
            meaning="Which share of the pairs and triples of characters in its words the model's terms do not hold.",
            fit="redheart_limits.terms:fit",
            score="redheart_limits.terms:score",
            reason="too many of its words are unknown",
            remedy="whole words in the usual spelling",
        ),
        LayerSpec(
            name="limit_of_length",
            meaning="How much shorter or longer a text is than the training texts in its language.",
            fit="redheart_limits.length:fit",
            score="redheart_limits.length:score",
            reason="the text is much shorter or longer than the training texts",
            remedy="one or several whole sentences on one matter",
        ),
    ]
