"""Committees of closed forms: members on bootstrap samples and their mean, and members that learn what others leave."""

from __future__ import annotations

from redheart_committees.settings import BestStageSettings, MeanSettings, MemberSettings
from redheart_core import NodeSpec, hookimpl
from redheart_core.nn.answers import text_answers

BAGS = tuple(f"bag_{number}" for number in range(1, 6))
"""Members that are fitted on bootstrap samples."""
BOOSTS = tuple(f"boost_{number}" for number in range(1, 4))
"""Members that each learn what the one before leaves; the first starts from linear."""
_SCALES = {name: {"features": width} for name, width in (("tiny", 16), ("small", 512), ("base", 1024), ("full", 2048))}
_ONE_SIZE: dict[str, dict[str, object]] = {"tiny": {}, "small": {}, "base": {}, "full": {}}


@hookimpl
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer the members."""
    bags = [_member(name, "on a bootstrap sample") for name in BAGS]
    steps = zip(BOOSTS, ("linear", *BOOSTS[:-1]), strict=True)
    return [*bags, *(_member(name, f"on what {below} leaves", below) for name, below in steps)]


@hookimpl
def redheart_provide_fusions() -> list[NodeSpec]:
    """Offer the fusions of the members."""
    return [
        NodeSpec(
            name="bagging_fusion",
            meaning="the mean of members that are fitted on bootstrap samples",
            adds_nothing="village",
            settings=MeanSettings,
            scales=_ONE_SIZE,
            reads=(),
            gives=(),
            build="redheart_committees.fusions:build",
            fit="redheart_committees.fusions:fit_mean",
            objective="redheart_core.nn.answers:text_objective",
            learns_any=text_answers,
            gathers_any=True,
            gathers_from=BAGS,
        ),
        NodeSpec(
            name="boosting_fusion",
            meaning="the best stage of members that each learn what the one before leaves",
            adds_nothing="village",
            settings=BestStageSettings,
            scales=_ONE_SIZE,
            reads=(),
            gives=(),
            build="redheart_committees.fusions:build",
            fit="redheart_committees.fusions:fit_best",
            objective="redheart_core.nn.answers:text_objective",
            learns_any=text_answers,
            gathers_any=True,
            gathers_from=BOOSTS,
        ),
    ]


def _member(name: str, where: str, below: str = "") -> NodeSpec:
    return NodeSpec(
        name=name,
        meaning=f"random features and a closed form {where}",
        settings=MemberSettings,
        scales=_SCALES,
        reads=("embedding",),
        gives=(),
        build="redheart_committees.training:build",
        fit="redheart_committees.training:fit",
        objective="redheart_core.nn.answers:text_objective",
        learns_any=text_answers,
        gathers_any=bool(below),
        gathers_from=(below,) if below else (),
    )
