"""Agents in an environment: from what a caller chooses to training, teams, evaluation and report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from redheart.groups_file import merged_groups
from redheart.options import PluginChoice, RunOptions
from redheart.progress import Display
from redheart.sessions import host_table, listeners
from redheart.threads import keeping_threads
from redheart_core import RedheartError, SettingsError
from redheart_core.config.agents import AgentsSettings
from redheart_core.config.tables import GroupSettings, TrainSettings
from redheart_core.storage.paths import find_path
from redheart_core.storage.presence import require_run
from redheart_core.storage.settings import parse_override
from redheart_registry import Registry, installed_plugins, load_registry

if TYPE_CHECKING:
    from redheart_core.agents.context import AgentsContext
    from redheart_core.agents.teams import TeamEvaluation
    from redheart_core.runs.description import RunDescription
    from redheart_core.runs.run import RunFolder
    from redheart_core.selection.sweetspot import Sweetspot


@attrs.frozen(eq=False)
class AgentsSession:
    """A run of agents with its plugins and environment."""

    registry: Registry
    run: RunFolder
    context: AgentsContext
    describe: Callable[[AgentsContext], RunDescription]
    """What run.json says of a training."""


def names_environment(choice: PluginChoice, options: RunOptions) -> bool:
    """Whether what a run is to learn from is an environment, and no data set."""
    name = options.dataset or _dataset(choice)
    found = installed_plugins((name,)).get(name) if isinstance(name, str) else None
    return found is not None and found.offer.kind == "environment"


def _dataset(choice: PluginChoice) -> object:
    """The data set of the table [data], as --set or plugins.toml has it."""
    from redheart_registry.plugins_toml import find_plugins_toml, parse_file

    for name, key, value in map(parse_override, reversed(choice.overrides)):
        if (name, key) == ("data", "dataset"):
            return value
    table = parse_file(find_plugins_toml(choice.plugins_toml)).get("data")
    return table.get("dataset") if isinstance(table, Mapping) else None


def is_agents_run(folder: Path) -> bool:
    """Whether a folder holds a run of agents."""
    from redheart_core.runs.description import RUN_DESCRIPTION

    file = folder / "run.json"
    return file.exists() and RUN_DESCRIPTION.read(file).environment is not None


def begin_agents(
    choice: PluginChoice, options: RunOptions, display: Display, groups_file: Path | None = None
) -> AgentsSession:
    """A run of agents under the current settings, which begins or goes on.

    Raises:
        SettingsError: Something is given that agents have no use for, or is wrong.
        PluginError: The environment or the agents' plugin is missing or broken.
    """
    if options.encoder is not None or options.store is not None:
        raise SettingsError("agents act in an environment, which has no texts; leave --encoder and --store out")
    registry = choice.load(listeners(display), display.say)
    groups = merged_groups(registry, groups_file)
    own = registry.agent_spec.training
    training = host_table(TrainSettings, "training", registry, options.training, own)
    if kept := [f"{key} {value}" for key, value in own.items() if getattr(training, key) == value]:
        display.say(f"[training] of {registry.agent_spec.name}, where nothing else is set: {', '.join(kept)}")
    _require_used(registry.table("training"))
    name = options.dataset or str(_dataset(choice))
    spec, settings = registry.environment(name)
    folder = options.output or Path("runs") / name
    idle = [one for one, plugin in registry.plugins.items() if plugin.kind in ("analyzer", "head", "fusion")]
    if idle:
        display.say(f"an environment has no texts: {', '.join(idle)} take no part")
    playing = host_table(AgentsSettings, "agents", registry, {})
    return _session(registry, folder, spec.name, settings, training, playing, groups)


def _require_used(table: Mapping[str, object]) -> None:
    """Refuse what is set under [training] and would change nothing.

    Raises:
        SettingsError: Names it.
    """
    from redheart_core.agents.context import UNUSED

    if idle := [key for key in UNUSED if key in table]:
        raise SettingsError(
            f"[training] {', '.join(idle)}: agents in an environment have no use for it; leave it out (what they do "
            "and remember is set under [agents])"
        )


def open_agents(folder: Path, choice: PluginChoice, display: Display | None = None) -> AgentsSession:
    """A run of agents from its folder, with the plugins and settings it was begun with.

    Raises:
        CheckpointError: No run of agents is there, or a plugin has changed since.
    """
    require_run(folder)
    from redheart_core.runs.run import RunFolder

    description = RunFolder(folder).read()
    environment = description.environment
    if environment is None:
        raise RedheartError(f"{folder} is a run on the data set {description.data.dataset}, and has no agents")
    learner = next(iter(description.nodes.values()))
    document: dict[str, Any] = {
        "active": [environment.name, environment.learner],
        "plugins": {environment.name: dict(environment.settings), environment.learner: dict(learner.settings)},
    }
    events = listeners(display) if display else ()
    registry = load_registry(document, enable=choice.enable, overrides=choice.overrides, event_plugins=events)
    _, settings = registry.environment(environment.name)
    groups = {name: group.settings for name, group in description.groups.items()}
    return _session(registry, folder, environment.name, settings, description.training, environment.playing, groups)


def _session(
    registry: Registry,
    folder: Path,
    environment: str,
    settings: Any,
    training: TrainSettings,
    playing: AgentsSettings,
    groups: Mapping[str, GroupSettings],
) -> AgentsSession:
    from redheart_core.agents.context import AgentsContext
    from redheart_core.agents.describing import Source, describe_agents
    from redheart_core.agents.world import World
    from redheart_core.runs.run import RunFolder

    spec, own = registry.agent(training.scale)
    made, _ = registry.environment(environment)
    world = World.of(environment, partial(made.make, settings))
    unknown = sorted(set(groups) - set(world.groups))
    if unknown:
        raise SettingsError(
            f"[groups.{unknown[0]}]: there is no such group (groups of {environment}: {', '.join(world.groups)})"
        )
    context = AgentsContext.prepare(world, spec, own, training, playing, groups)
    sources = [
        Source(plugin.entry.distribution, plugin.entry.version)
        for plugin in (registry.plugins[environment], registry.plugins[spec.name])
    ]
    describe = partial(describe_agents, environment=sources[0], settings=settings, learner=sources[1])
    return AgentsSession(registry, RunFolder(folder), context, describe)


def train_session(session: AgentsSession) -> dict[str, str]:
    """Train; returns the groups that stopped, with the reason."""
    from redheart_core.agents.loop import train_agents

    return train_agents(session.run, session.context, session.describe(session.context), session.registry.hooks)


def training_session(
    choice: PluginChoice, options: RunOptions, groups_file: Path | None, resume: bool, display: Display
) -> AgentsSession:
    """The run of agents that redheart train is about.

    Raises:
        RedheartError: There is a run in the folder that is not to be resumed.
    """
    if resume:
        return open_agents(options.output or Path("runs") / "village", choice.for_resumed(), display)
    session = begin_agents(choice, options, display, groups_file)
    if session.run.exists:
        raise RedheartError(f"{session.run.path} holds a run already; --resume it or choose another folder with -o")
    return session


@attrs.frozen(eq=False)
class FinishedAgents:
    """All that `redheart run` makes of agents."""

    run: Path
    selection: Sweetspot
    team: Path
    evaluation: TeamEvaluation
    report: Path


def finish(
    choice: PluginChoice, options: RunOptions, groups_file: Path | None, display: Display
) -> FinishedAgents | dict[str, str]:
    """Training, selection, team, evaluation and report in one go; what is finished is not done again.

    Returns:
        What was made; or the groups that stopped at a fault, with the reason.
    """
    from redheart.runs import Run
    from redheart_core.agents.teams import EVALUATION

    session = begin_agents(choice, options, display, groups_file)
    stopped = train_session(session)
    if stopped:
        return stopped
    run = Run(session.run.path)
    selection, team = run.select(), run.path / "team"
    if not team.exists():
        assemble(run.path, team)
    evaluation = EVALUATION.read_if_there(run.path / "team_test.json") or evaluate(team, run.path)
    return FinishedAgents(run.path, selection, team, evaluation, run.report())


def assemble(folder: Path, output: Path, rule: str = "best", epochs: Mapping[str, int] | None = None) -> TeamEvaluation:
    """Make a team of a run's checkpoints, and play it against the best common epoch, the last one and random actions.

    Args:
        folder: Of the run.
        output: Of the team, which must not exist.
        rule: Which epoch of each agent, as Run.select names them.
        epochs: Groups that are taken at another epoch.

    Returns:
        What the teams got; also written as teams.json into the run.
    """
    from redheart_core.agents.teams import EVALUATION, Member, assemble_team, compare_teams, members_at, read_manifests
    from redheart_core.runs.describe import relative_path
    from redheart_core.selection.sweetspot import find_sweetspot

    session = open_agents(folder, PluginChoice())
    run, manifests = session.run, read_manifests(session.run, session.context)
    chosen = find_sweetspot(run, list(manifests)).chosen(rule)
    members = {name: Member(entry.epoch, entry.sha256) for name, entry in chosen.items()}
    for name, epoch in (epochs or {}).items():
        if name not in manifests:
            raise RedheartError(f"there is no group '{name}' (groups: {', '.join(manifests)})")
        members[name] = members_at({name: manifests[name]}, epoch)[name]
    with _threads(session):
        found = compare_teams(run, session.context, members, "crossover")
    assemble_team(run, members, output, relative_path(run.path, output))
    EVALUATION.write(run.path / "teams.json", found)
    return found


def evaluate(folder: Path, run_folder: Path | None = None) -> TeamEvaluation:
    """A team on test episodes, which nothing was chosen on, beside the others; also written as team_test.json.

    An episode of the team for a replay is written as episode.json, if the environment can be shown.

    Args:
        folder: Of the team.
        run_folder: Of its run, if it has moved.
    """
    from redheart_core.agents.recording import record_team
    from redheart_core.agents.teams import EVALUATION, compare_teams, read_team
    from redheart_core.runs.episode import EPISODE
    from redheart_core.runs.readings import count_reading

    team = read_team(folder)
    session = open_agents(run_folder or find_path(folder / team.run), PluginChoice())
    readings = count_reading(session.run.path)
    with _threads(session):
        found = compare_teams(session.run, session.context, team.members, "test")
        spec, _ = session.registry.environment(session.context.world.name)
        episode = record_team(session.run, session.context, team.members, spec)
    if episode is not None:
        EPISODE.write(session.run.path / "episode.json", episode)
    found = attrs.evolve(found, readings=readings)
    EVALUATION.write(session.run.path / "team_test.json", found)
    return found


def _threads(session: AgentsSession) -> AbstractContextManager[None]:
    return keeping_threads(session.context.training.threads)
