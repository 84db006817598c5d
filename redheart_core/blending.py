"""From a method of the comparison to what a model folder holds."""

from __future__ import annotations

from redheart_core._training import EpochEntry
from redheart_core.assembly import Blend
from redheart_core.group_module import Answering
from redheart_core.picks import Pick
from redheart_core.rivals import compare_methods
from redheart_core.run import RunFolder
from redheart_core.trainer import Trainer
from redheart_core.validation import evaluate


def blend_groups(run: RunFolder, trainer: Trainer, method: str) -> tuple[dict[str, EpochEntry], dict[str, Blend]]:
    """What a method makes of each group: one epoch as it is, or a blend.

    Groups that are fitted in closed form on others are fitted again on what the method made of these.

    Raises:
        CheckpointError: There is no such method, or a checkpoint is damaged.
    """
    rivals, pools = compare_methods(run, trainer)
    picks = rivals.picks(method)
    chosen: dict[str, EpochEntry] = {}
    blends: dict[str, Blend] = {}
    for group in trainer.groups:
        if group.name not in pools:
            module: Answering = trainer.module(group)
        elif group.fitted and any(name in blends for name in group.reads):
            module = trainer.fit(group)
            result = evaluate(module, trainer.source, trainer.store.rows("validation"))
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
                result = pool.judge(pick)
                states = tuple(pool.state(member) for member in pick.members)
                epochs = pick.describe(pool.manifest)
                blends[group.name] = Blend(pick, epochs, states, result.loss, result.metrics, result.thresholds)
            module = pool.build(pick)
        trainer.add_outputs(group, module, trainer.seen_rows())
    return chosen, blends
