"""A model that has become too small: a run of a larger one that begins at what it computes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

from redheart.sessions import Session, session_of_model
from redheart.threads import keeping_threads
from redheart_core.contract.errors import CheckpointError, SettingsError
from redheart_core.groups.group_module import GroupModule
from redheart_core.storage.paths import find_path
from redheart_core.training.context import TrainingContext
from redheart_core.training.growing import GrownGroup, grow_groups, grown_node
from redheart_core.training.progress import honest_answers


@attrs.frozen
class Grown:
    """A run that begins at what a model computes."""

    run: Path
    groups: tuple[GrownGroup, ...]
    fitted: tuple[str, ...]
    """Groups in closed form, which are fitted again when the run is trained."""


def grow(
    model: str | Path, output: str | Path, *, scale: str, epochs: int | None = None, run: str | Path | None = None
) -> Grown:
    """Begin a run of a larger scale at a model of a smaller one.

    Each trained group gets weights at which it computes what the model does, within the rounding of single precision,
    which is compared on every validation record; a difference above 1e-4, beside 1 or a number's own size, is refused.
    They are its epoch 0, and the optimizer begins anew. Closed forms are fitted again when the run is trained. Nodes
    that cannot grow keep their size.

    Args:
        model: Folder of an assembled model.
        output: Folder of the run, made here; train(output=..., resume=True) goes on there.
        scale: Size of all modules afterwards.
        epochs: Of every group; as many as the model's run if left out.
        run: Folder of the model's run, if it has moved.

    Raises:
        CheckpointError: The output exists, the run is another one, or the model holds a blend of several epochs or not
            all groups of its run.
        SettingsError: A layer would shrink, a width cannot be reached, or no group becomes larger.
        PluginError: A plugin does not keep what it computed before.
    """
    folder, place = find_path(model), find_path(output)
    if place.exists():
        raise CheckpointError(f"{place} exists already; name another folder for the run")
    session = session_of_model(folder, run)
    from redheart_core.runs.describe import describe
    from redheart_core.runs.run import RunFolder
    from redheart_core.storage.new_folder import new_folder

    with keeping_threads(session.context.settings.threads):
        small = session.context
        modules = _modules(session, folder)
        nodes = [grown_node(node, scale) for node in session.registry.nodes(small.settings.scale)]
        settings = attrs.evolve(small.settings, scale=scale, epochs=epochs or small.settings.epochs)
        context = TrainingContext.prepare(small.store, nodes, settings, session.run.group_settings())
        groups, starts = [], {}
        with new_folder(place) as building:
            for one, weights in grow_groups(small, context, modules):
                starts[one.group] = RunFolder(building).add_start(one.group, weights)
                groups.append(one)
            if not any(after > before for before, after in (one.parameters for one in groups)):
                raise SettingsError(_none_grows(groups, scale))
            description = describe(place, context.nodes, context.groups, settings, context.store)
            RunFolder(building).begin(attrs.evolve(description, starts=starts))
    return Grown(place, tuple(groups), tuple(group.name for group in context.groups if group.fitted))


def _none_grows(groups: Sequence[GrownGroup], scale: str) -> str:
    """What to say where a run would hold nothing that is larger than the model."""
    kept = [f"{name} ({reason})" for one in groups for name, reason in one.kept.items()]
    why = f"{', '.join(kept)} keep their size" if kept else "all are closed forms, which are fitted, not grown"
    fix = "name a larger scale, or train a run of that scale instead"
    return f"no group of the model becomes larger at scale {scale}: {why}; {fix}"


def _modules(session: Session, folder: Path) -> dict[str, GroupModule]:
    """The groups of a model with their weights.

    Raises:
        CheckpointError: Some are blends, or are missing, or the model was exported.
    """
    from redheart_core.models.of_run import chosen_epochs, left_out
    from redheart_export.opening import require_weights

    require_weights(folder, "grow the model that it was made from")
    missing = left_out(folder, session.run)
    if missing:
        raise CheckpointError(f"{folder} leaves out {', '.join(missing)} of its run; assemble a whole model to grow it")
    chosen, modules = chosen_epochs(folder, session.run), dict[str, GroupModule]()
    for group in session.context.groups:
        module, place = session.context.module(group), session.run.group(group.name)
        if module.parameter_dict():
            if group.name not in chosen:
                raise CheckpointError(
                    f"group '{group.name}' of {folder} is a blend of several epochs, which no single one continues; "
                    "assemble a model of one epoch of each group with redheart crossover"
                )
            module.load(place.weights(chosen[group.name]))
            module.honest = honest_answers(place, place.read())
        modules[group.name] = module
    return modules
