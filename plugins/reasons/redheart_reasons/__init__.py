"""Why an answer is as it is: what sentences, modules and the numbers of the hedonic calculus add to it."""

from __future__ import annotations

from redheart_core import ExplanationSpec, hookimpl


@hookimpl
def redheart_provide_explanations() -> list[ExplanationSpec]:
    """The three explanations."""
    return [
        ExplanationSpec(
            name="reasons_by_sentence",
            meaning="What each sentence of a text adds to an answer; each word, where it is one sentence.",
            heading="because of",
            explain="redheart_reasons.sentences:explain",
        ),
        ExplanationSpec(
            name="reasons_by_module",
            meaning="What each member of a fusion adds to its answer.",
            heading="by module",
            explain="redheart_reasons.modules:explain",
        ),
        ExplanationSpec(
            name="reasons_by_calculus",
            meaning="How a utility follows from circumstances, burdens and layers of context by the hedonic calculus.",
            heading="by the calculus",
            kind="calculation",
            fields=("utility", "utility_in_context", "utility_horizons"),
            explain="redheart_reasons.calculus:explain",
        ),
    ]
