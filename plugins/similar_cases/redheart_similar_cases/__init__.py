"""Whether a memory has cases like a text, and whether their labels are those of the answers."""

from __future__ import annotations

from redheart_core import LayerSpec, hookimpl


@hookimpl
def redheart_provide_layers() -> list[LayerSpec]:
    """The two layers."""
    return [
        LayerSpec(
            name="similar_cases_distance",
            meaning="How far the nearest case of the memory is (cosine distance).",
            kind="evidence",
            score="redheart_similar_cases.evidence:distance",
            reason="no evidence: the nearest case of the memory is at a distance of {score:.2f}, usual up to "
            "{limit:.2f}, and the answers rest on the model alone",
        ),
        LayerSpec(
            name="similar_cases_labels",
            meaning="How far the labels of the nearest cases are from an answer, in units of what is usual.",
            kind="evidence",
            fit="redheart_similar_cases.evidence:fit",
            score="redheart_similar_cases.evidence:score",
            notes="redheart_similar_cases.evidence:notes",
            reason="the labels of similar cases differ more than usual",
        ),
    ]
