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
            reason="unlike the texts that this model learnt from (distance {score:.1f}, usual up to {limit:.1f})",
            remedy="whole sentences in words, without tags or lists of numbers; of other kinds of text, a model that "
            "learnt from them (redheart train)",
        ),
        LayerSpec(
            name="limit_of_terms",
            meaning="Which share of the pairs and triples of characters in its words the model's terms do not hold.",
            fit="redheart_limits.terms:fit",
            score="redheart_limits.terms:score",
            reason="too little of its words is known to this model ({score:.0%} unknown, usual up to {limit:.0%})",
            remedy="whole words in the usual spelling, without tags or code",
        ),
        LayerSpec(
            name="limit_of_length",
            meaning="How much shorter or longer a text is than the training texts in its language.",
            fit="redheart_limits.length:fit",
            score="redheart_limits.length:score",
            reason="much shorter or longer than the texts that this model learnt from ({score:.1f} standard deviations "
            "from their length, usual up to {limit:.1f})",
            remedy="whole sentences that say who does what; of a long text, one part at a time",
        ),
    ]
