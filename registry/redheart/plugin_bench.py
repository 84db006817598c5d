"""What a plugin is worth: metrics beside baselines, ablations, parameters and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from redheart.options import PluginChoice, RunOptions
from redheart.progress import Display
from redheart.sessions import Session, data_settings, listeners, open_session, prepare_store, train_settings
from redheart_core import CATALOGUE, SCALES, CheckpointError, Field, PluginError

if TYPE_CHECKING:
    from redheart_core.groups.active import ActiveNode
    from redheart_core.groups.group import Group
    from redheart_core.groups.group_module import GroupModule
    from redheart_registry import Registry


def measure_plugin(
    name: str, choice: PluginChoice, options: RunOptions, finished: Path | None, timing_scale: str, display: Display
) -> dict[str, Any]:
    """The card of a plugin as JSON values: metrics, ablations, parameters and time.

    Args:
        name: Of an analyzer, head or fusion.
        choice: The plugins; those that it reads are enabled too.
        options: What its training is begun with.
        finished: A run that trained it, in place of a training.
        timing_scale: The scale at which time is measured.
        display: Shows progress.
    """
    if finished is None:
        session = _train(name, choice.with_sources(name), display, options)
    else:
        session = open_session(finished, choice, display)
    from redheart_core.evaluation.bench import ablate, compare, expert_load
    from redheart_core.evaluation.timing import measure
    from redheart_core.groups.validation import evaluate

    run, context = session.run, session.context
    group, module = _trained(name, session)
    rows = context.store.rows("validation")
    result = evaluate(module, context.source, rows)
    comparisons = compare(context, module, name, result) if name in module.objectives else []
    ablations = [] if group.fitted else ablate(context, module, name, result)
    around = _at_scale(context.nodes, timing_scale)
    timed = _timed(name, group, around)
    timings = [measure(timed, around, context.store.fields, timing_scale, chunks, 2) for chunks in (1, 16)]
    return {
        "plugin": name,
        "data": context.store.index.dataset,
        "scale": context.settings.scale,
        "epochs": context.settings.epochs,
        "epoch": run.group(group.name).read().best.epoch,
        "records": len(rows),
        "loss": result.loss,
        "metrics": [attrs.asdict(one) for one in comparisons],
        "adds": _adds(group, session, display) if finished is not None else [],
        "expert_load": expert_load(context, module, name),
        "parameters": sizes_by_scale(name, session.registry, {**CATALOGUE, **context.store.fields}),
        "ablations": [attrs.asdict(one) for one in ablations],
        "timed": [node.name for node in timed],
        "timing_scale": timing_scale,
        "timings": [attrs.asdict(one) | {"samples_per_second": one.samples_per_second} for one in timings],
    }


def sizes_by_scale(name: str, registry: Registry, fields: Mapping[str, Field]) -> dict[str, dict[str, int]]:
    """Parameters by scale and submodule on a data set with these fields."""
    from redheart_core.evaluation.bench import sizes_at
    from redheart_core.groups.graph import bind_nodes

    sizes: dict[str, dict[str, int]] = {}
    for scale in SCALES:
        nodes = bind_nodes(_at_scale(_needed(name, registry.nodes("small"), fields), scale), fields)
        node = next(node for node in nodes if node.name == name)
        sizes[scale] = sizes_at(node, nodes, fields, scale)
    return sizes


def _train(name: str, choice: PluginChoice, display: Display, options: RunOptions) -> Session:
    """The plugin's group and those it depends on, trained."""
    from redheart_core.runs.run import RunFolder
    from redheart_core.training.context import TrainingContext
    from redheart_core.training.loop import train

    registry = choice.load(listeners(display), display.say)
    data, settings = data_settings(registry, **options.data), train_settings(registry, **options.training)
    run = RunFolder(options.output or Path("runs") / "bench" / name)
    found = prepare_store(registry, options.store or run.path / "store", data, display)
    nodes = _needed(name, registry.nodes(settings.scale), {**CATALOGUE, **found.fields})
    context = TrainingContext.prepare(found, nodes, settings)
    stopped = train(run, context, registry.hooks)
    if stopped:
        raise CheckpointError("; ".join(f"group '{group}' stopped: {reason}" for group, reason in stopped.items()))
    return Session(registry, run, context)


def _trained(name: str, session: Session) -> tuple[Group, GroupModule]:
    """The plugin's group at its best epoch, the outputs that it reads computed."""
    from redheart_core.training.progress import load_fixed

    context = session.context
    for group in context.groups:
        module = context.module(group)
        load_fixed(session.run, group, module)
        if name in {node.name for node in group.nodes}:
            return group, module
        context.add_outputs(group, module, ("validation",))
    raise PluginError(f"the run {session.run.path} has no plugin '{name}'")


def _adds(group: Group, session: Session, display: Display) -> list[dict[str, Any]]:
    """What the group adds to the fusion of a finished run, by field."""
    from redheart.fusion_bench import additions_of

    gathering = any(node.spec.gathers for other in session.context.groups for node in other.nodes)
    found = additions_of(session, display) if gathering else []
    return [attrs.asdict(one) | {"adds": one.gain.is_above(0.0)} for one in found if one.group == group.name]


def _at_scale(nodes: Sequence[ActiveNode], scale: str) -> list[ActiveNode]:
    """The nodes with the settings of a scale in place of their own."""
    from redheart_core.storage.settings import read_table

    return [
        attrs.evolve(node, settings=read_table(node.spec.settings, node.spec.scales[scale], f"scale '{scale}'"))
        for node in nodes
    ]


def _needed(name: str, nodes: Sequence[ActiveNode], fields: Mapping[str, Field]) -> tuple[ActiveNode, ...]:
    """The node's group, and the groups that it depends on."""
    from redheart_core.groups.graph import bind_nodes, plan_groups

    groups = {group.name: group for group in plan_groups(bind_nodes(nodes, fields))}
    waiting = [group.name for group in groups.values() if name in {node.name for node in group.nodes}]
    if not waiting:
        raise PluginError(f"'{name}' is no analyzer, head or fusion; there is nothing to measure")
    needed = set()
    while waiting:
        group = waiting.pop()
        needed.add(group)
        waiting += [read for read in groups[group].reads if read not in needed]
    return tuple(node for node in nodes if node.group in needed)


def _timed(name: str, group: Group, around: Sequence[ActiveNode]) -> list[ActiveNode]:
    """The node at the timing scale; with its whole group if others train it."""
    order = [node.name for node in group.nodes]
    alone = next(node for node in around if node.name == name).spec.objective is not None
    wanted = [name] if alone else order
    return [next(node for node in around if node.name == one) for one in wanted]
