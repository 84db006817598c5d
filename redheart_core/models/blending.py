"""From a method of the comparison to what a model folder holds."""

from __future__ import annotations

from collections.abc import Mapping

from redheart_core.groups.group_module import Answering
from redheart_core.groups.validation import evaluate
from redheart_core.models.filling import Blend
from redheart_core.runs.manifest import EpochEntry
from redheart_core.runs.run import RunFolder
from redheart_core.selection.methods import METHODS, SELECTION, Method
from redheart_core.selection.picks import Pick
from redheart_core.selection.rivals import compare_methods
from redheart_core.training.context import TrainingContext


def blend_groups(
    run: RunFolder, context: TrainingContext, method: str
) -> tuple[dict[str, EpochEntry], dict[str, Blend]]:
    """What a method makes of each group: one epoch as it is, or a blend.

    Groups that are fitted in closed form on others are fitted again on what the method made of these.

    Raises:
        CheckpointError: There is no such method, or a checkpoint is damaged.
    """
    rivals, pools = compare_methods(run, context, methods=_needed(method))
    picks = rivals.picks(method)
    chosen: dict[str, EpochEntry] = {}
    blends: dict[str, Blend] = {}
    for group in context.groups:
        if group.name not in pools:
            module: Answering = context.module(group)
        elif group.fitted and any(name in blends for name in group.reads):
            module = context.fit(group)
            result = evaluate(module, context.source, context.store.rows("validation"))
            blends[group.name] = Blend(
                Pick("fitted again", (((pools[group.name].manifest.best.file, 1.0),),)),
                "fitted again",
                (module.parameter_dict(),),
                result.loss,
                result.metrics,
                result.thresholds,
            )
        else:
            pool = pools[group.name]
            pick = Pick.single("fitted", pool.manifest.best) if group.fitted else picks[group.name]
            if pick.is_single:
                ((file, _),) = pick.members[0]
                chosen[group.name] = next(entry for entry in pool.manifest.candidates if entry.file == file)
            else:
                result = pool.result(pick)
                states = tuple(pool.state(member) for member in pick.members)
                epochs = pick.describe(pool.manifest)
                blends[group.name] = Blend(pick, epochs, states, result.loss, result.metrics, result.thresholds)
            module = pool.build(pick)
        context.add_outputs(group, module)
    return chosen, blends


def _needed(method: str) -> Mapping[str, Method]:
    """The methods to try: the plain selection and the one that is asked for; all of them to choose among them."""
    return SELECTION | {method: METHODS[method]} if method in METHODS else METHODS
