"""From what a caller chooses to what the work needs: registry, store, training context, run, model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from redheart.groups_file import merged_groups, own_rates, with_own_rates
from redheart.options import PluginChoice, RunOptions
from redheart.progress import Display
from redheart_core import CheckpointError, DatasetSpec, RedheartError, SettingsError
from redheart_core.config.tables import DataSettings, GroupSettings, TrainSettings
from redheart_core.groups.binding import resolve_node
from redheart_core.storage.paths import find_path
from redheart_core.storage.presence import require_model_folder, require_run, require_store_of
from redheart_core.storage.settings import read_table
from redheart_registry import Registry, load_registry

if TYPE_CHECKING:
    from redheart_core.data.build import Encoding
    from redheart_core.data.store import Store
    from redheart_core.groups.group import Group
    from redheart_core.models.model import Model
    from redheart_core.runs.description import NodeDescription, RunDescription
    from redheart_core.runs.run import RunFolder
    from redheart_core.training.context import TrainingContext

T = TypeVar("T")


@attrs.frozen(eq=False)
class Session:
    """A run with its plugins and data."""

    registry: Registry
    run: RunFolder
    context: TrainingContext


def data_settings(registry: Registry, **given: Any) -> DataSettings:
    """The [data] table, with what was given in place of it; a data set or encoder that alone is active may be left out.

    Raises:
        SettingsError: It names no data set or encoder and several are active, or none; or it is wrong.
    """
    named = {*registry.table("data"), *(key for key, value in given.items() if value is not None)}
    if "dataset" not in named:
        given |= {"dataset": _only_active(registry, "dataset")}
    found = host_table(DataSettings, "data", registry, given)
    if not find_dataset(registry, found.dataset)[0].texts:
        return attrs.evolve(found, encoder=())
    return found if found.encoders else attrs.evolve(found, encoder=_only_active(registry, "encoder"))


def _only_active(registry: Registry, kind: str) -> str:
    active = [name for name, plugin in registry.plugins.items() if plugin.kind == kind]
    if len(active) != 1:
        raise SettingsError(
            f"[data] names no {kind} (active: {', '.join(active) or 'none'}); "
            f'write {kind} = "..." there, or give --set data.{kind}=NAME'
        )
    return active[0]


def train_settings(registry: Registry, **given: Any) -> TrainSettings:
    """The [training] table, with what was given in place of it."""
    return host_table(TrainSettings, "training", registry, given)


def prepare_store(
    registry: Registry, folder: Path, data: DataSettings, display: Display, encoding: Encoding | None = None
) -> Store:
    """Make or finish the embedding store of a data set; a finished one is opened. Encoding as for prepare of core."""
    from redheart_core.data.division import division_warnings
    from redheart_core.data.prepare import prepare

    dataset, dataset_settings = find_dataset(registry, data.dataset)
    store = prepare(
        folder,
        dataset,
        dataset_settings,
        [registry.encoder(name) for name in data.encoders],
        vectors=data.vectors,
        chunk_chars=data.chunk_chars,
        terms=data.terms,
        tokenizers=data.tokenizers,
        near_duplicates=data.near_duplicates,
        seed=data.seed,
        progress=display.progress,
        encoding=encoding,
    )
    for warning in division_warnings(store.index.split_report):
        display.say(str(warning))
    return store


def find_dataset(registry: Registry, name: str) -> tuple[DatasetSpec, Any]:
    """A data set by its name, or several joined as "one+other"."""
    from redheart_core.data.joining import SEPARATOR, join_datasets

    if SEPARATOR not in name:
        return registry.dataset(name)
    return join_datasets([registry.dataset(part) for part in name.split(SEPARATOR)])


def new_session(
    registry: Registry,
    folder: Path,
    store: Store,
    settings: TrainSettings,
    groups: Mapping[str, GroupSettings] | None = None,
) -> Session:
    """A run that begins, or goes on under the same settings; groups are the [groups.<name>] tables."""
    from redheart_core.runs.run import RunFolder
    from redheart_core.training.context import TrainingContext

    nodes = registry.nodes(settings.scale)
    if not nodes:
        raise RedheartError("no analyzer, head or fusion is active; name some in plugins.toml or with --enable")
    return Session(registry, RunFolder(folder), TrainingContext.prepare(store, nodes, settings, groups))


def begin(
    choice: PluginChoice,
    options: RunOptions,
    display: Display,
    groups_file: Path | None = None,
    fetch: Callable[[Path], object] = lambda folder: None,
    check: Callable[[Path, Sequence[Group]], object] = lambda folder, groups: None,
) -> Session:
    """A session under the current settings; prepares the store if need be.

    Args:
        choice: Of plugins and their settings.
        options: Of the training.
        display: Shows how far the preparation is.
        groups_file: Tables [groups.NAME].
        fetch: Called with the folder of the run before anything is read there.
        check: Called with it and the groups that are to be trained, before the data are prepared.

    Raises:
        RedheartError: A setting, plugin, record or file is wrong. A field that the data set does not declare is
            refused before its records are read.
    """
    registry = choice.load(listeners(display), display.say)
    given = merged_groups(registry, groups_file)
    data, training = data_settings(registry, **options.data), train_settings(registry, **options.training)
    groups = with_own_rates(registry, given, training.scale, options.training.get("learning_rate"))
    from redheart_core.storage.runtime import (
        choose_device,  # with torch, once plugins and settings are known to be right
    )
    from redheart_core.training.notes import training_notes

    choose_device(training.device)  # before the data are prepared
    folder = options.output or Path("runs") / data.dataset
    planned = declared_groups(registry, data, training, groups)
    fetch(folder)
    check(folder, planned)
    store = prepare_store(registry, options.store or folder / "store", data, display)
    session = new_session(registry, folder, store, training, groups)
    for line in (*left_out(session), *own_rates(groups, given), *training_notes(session.context)):
        display.say(line)
    return session


def declared_groups(
    registry: Registry, data: DataSettings, training: TrainSettings, groups: Mapping[str, GroupSettings]
) -> tuple[Group, ...]:
    """The groups of a training if some record has each field that the data set declares.

    Raises:
        PluginError: A plugin reads or learns a field that is not declared, or the groups cannot be trained together.
    """
    from redheart_core.groups.graph import bind_nodes, check_targets, check_without_texts, plan_groups

    dataset, settings = find_dataset(registry, data.dataset)
    fields = {field.name: field for field in dataset.fields(settings)}
    nodes = bind_nodes(registry.nodes(training.scale), fields)
    if not dataset.texts:
        check_without_texts(nodes)
    check_targets(nodes, fields, dict.fromkeys(fields, 1), "train")
    return plan_groups(nodes, groups)


def left_out(session: Session) -> list[str]:
    """What plugins do without since the data set does not have it: one line per plugin."""
    fields, bound = session.context.store.fields, {node.name: node.spec for node in session.context.nodes}
    lines = []
    for node in session.registry.nodes(session.context.settings.scale):
        spec = resolve_node(node.spec, node.learnable(fields))
        optional = {*spec.optional_reads, *(name for name in spec.optional_targets if not node.learns)}
        used = {*bound[node.name].optional_reads, *bound[node.name].optional_targets}
        if optional - used:
            names = ", ".join(sorted(optional - used))
            lines.append(f"{node.name}: built without {names}, which the data set does not have")
    return lines


def listeners(display: Display) -> tuple[object, ...]:
    """The event plugins of every training: what people see, and the log in the run folder."""
    from redheart_core.runs.event_log import EventLog

    return display, EventLog()


def open_session(folder: Path, choice: PluginChoice, display: Display | None = None) -> Session:
    """A run from its folder, with the plugins and settings it was begun with.

    Raises:
        CheckpointError: No run there, or a plugin has changed since.
    """
    require_run(folder)
    from redheart_core.runs.run import RunFolder

    return described_session(folder, RunFolder(folder).read(), choice, display)


def described_session(
    folder: Path, description: RunDescription, choice: PluginChoice, display: Display | None = None
) -> Session:
    """A run by its description, with the plugins and settings that this names.

    Raises:
        CheckpointError: A plugin has changed since.
    """
    if description.environment is not None:
        raise RedheartError(
            f"{folder} is a run of agents in the environment {description.environment.name}, which has no texts; "
            "redheart train --resume, sweetspot, crossover, evaluate, report and watch are for it"
        )
    from redheart_core.data.store import Store

    registry = load_registry(
        plugin_table(description.nodes),
        enable=choice.enable,
        overrides=choice.overrides,
        event_plugins=listeners(display) if display else (),
    )
    place = find_path(folder / description.data.store)
    require_store_of(folder, place)
    groups = {name: group.settings for name, group in description.groups.items()}
    return new_session(registry, folder, Store.open(place), description.training, groups)


def open_model(folder: Path, device: str) -> tuple[Registry, Model]:
    """A model from its folder, with the plugins and settings it was assembled with."""
    require_model_folder(folder)
    from redheart_core.models.manifest import read_manifest
    from redheart_core.models.model import load_model
    from redheart_core.storage.runtime import choose_device, use_threads
    from redheart_export.opening import exported_engine
    from redheart_registry.standing import installed_layers

    manifest = read_manifest(folder)
    use_threads(manifest.training.threads)
    registry = load_registry(plugin_table(manifest.nodes, *manifest.data.encoder.names))
    nodes = registry.nodes(manifest.training.scale)
    engine = exported_engine(folder, manifest)
    return registry, load_model(folder, nodes, choose_device(device), *installed_layers(), engine=engine)


def session_of_model(folder: Path, run: str | Path | None = None, display: Display | None = None) -> Session:
    """The run that a model was assembled from, with its plugins and data.

    Args:
        folder: Of the model.
        run: Folder of its run, if it has moved.
        display: Hears the events of the run.

    Raises:
        CheckpointError: There is none, or it has other data than the model.
    """
    session = open_session(run_of_model(folder) if run is None else find_path(run), PluginChoice(), display)
    from redheart_core.models.manifest import read_manifest

    different = read_manifest(folder).data.differences(session.run.read().data)
    if different:
        raise CheckpointError(
            f"{folder} was not assembled from {session.run.path}: {', '.join(different)} of the data differs; "
            "name the model's own run with --run"
        )
    return session


def run_of_model(folder: Path) -> Path:
    """The run that a model was assembled from."""
    require_model_folder(folder)
    from redheart_core.models.manifest import read_manifest

    way = read_manifest(folder).run
    if not way:
        raise CheckpointError(f"{folder} was packed for others and knows no run; name the run's folder with --run")
    run = find_path(folder / way)
    if not (run / "run.json").exists():
        raise CheckpointError(
            f"the run of {folder} is not in {run.resolve()} (no run.json); was one of them moved? "
            "Name the run's folder with --run, or evaluate(run=...)"
        )
    return run


def plugin_table(nodes: Mapping[str, NodeDescription], *more: str) -> dict[str, Any]:
    """The plugins.toml that a run or model amounts to: its nodes with all their settings."""
    return {
        "active": [*nodes, *more],
        "plugins": {
            name: {
                **({} if node.plugin == name else {"of": node.plugin}),
                "group": node.group,
                "learning_rate_scale": node.learning_rate_scale,
                "loss_weight": node.loss_weight,
                "residual": node.residual,
                "learns": list(node.learns),
                "beside": list(node.beside),
                "ignores": list(node.ignores),
                **({"tokenizer": node.tokenizer} if node.tokenizer else {}),
                **node.settings,
            }
            for name, node in nodes.items()
        },
    }


def host_table(
    cls: type[T], name: str, registry: Registry, given: Mapping[str, Any], own: Mapping[str, Any] | None = None
) -> T:
    """A table that the commands read, with what was given in place of it, and own values where nothing is."""
    table = {**(own or {}), **registry.table(name), **{key: value for key, value in given.items() if value is not None}}
    return read_table(cls, table, f"[{name}]")
