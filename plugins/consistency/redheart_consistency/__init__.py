"""Whether answers agree: members with each other, networks with exact calculus, numbers with what they mean."""

from __future__ import annotations

from redheart_core import LayerSpec, hookimpl


@hookimpl
def redheart_provide_layers() -> list[LayerSpec]:
    """The four layers."""
    return [
        LayerSpec(
            name="consistency_of_members",
            meaning="How far apart the modules behind an answer are, in units of what is usual on its field.",
            kind="consistency",
            fit="redheart_consistency.members:fit",
            score="redheart_consistency.members:score",
            notes="redheart_consistency.members:notes",
            reason="members disagree more than usual",
        ),
        LayerSpec(
            name="consistency_of_calculus",
            meaning="How far answers are from what exact calculators make of other answers and of the record.",
            kind="consistency",
            fit="redheart_consistency.calculus:fit",
            score="redheart_consistency.calculus:score",
            notes="redheart_consistency.calculus:notes",
            reason="answers differ from the exact calculus more than usual",
        ),
        LayerSpec(
            name="consistency_of_circumstances",
            meaning="How far a utility is beyond what the calculus makes of the circumstances, within all intervals.",
            kind="consistency",
            fit="redheart_consistency.circumstances:fit",
            score="redheart_consistency.circumstances:score",
            notes="redheart_consistency.circumstances:notes",
            reason="a utility is beyond what the circumstances can bring",
        ),
        LayerSpec(
            name="consistency_of_meaning",
            meaning="How far numbers break what they mean: shares that sum to 1, ranges, quantiles, regret that fades.",
            kind="consistency",
            score="redheart_consistency.meaning:score",
            notes="redheart_consistency.meaning:notes",
            reason="numbers contradict what they mean",
        ),
    ]
