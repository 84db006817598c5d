"""Searches before a training: learning rates of all groups, settings of one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs

from redheart.agents import AgentsSession, begin_agents, names_environment
from redheart.options import PluginChoice, RunOptions, Settings
from redheart.progress import Display, make_display
from redheart.sessions import Session, begin
from redheart.settings_files import write_plugins_toml
from redheart.starting import trained_from
from redheart.threads import keeping_threads
from redheart_core.contract.errors import CheckpointError, RedheartError, SettingsError
from redheart_core.storage.paths import find_optional

if TYPE_CHECKING:
    from redheart_core.groups.group import Group
    from redheart_core.tuning.search import SearchResult, Training
    from redheart_core.tuning.sweep_result import Sweep
    from redheart_core.tuning.sweep_steps import SweepSettings

Pruner = Literal["median", "halving"]


@attrs.frozen
class SearchOptions:
    """What a caller asks of a search of one group."""

    trials: int = 20
    """In all."""
    space: Path | None = None
    """A TOML file of what may change."""
    pruner: Pruner = "median"
    together: int = 1
    """Trials of a round."""


@attrs.frozen
class SweepOptions:
    """What a caller asks of a sweep; SweepSettings explains it."""

    rates: tuple[float, ...] | None
    """None for the usual ones."""
    hierarchical: bool
    short_epochs: int
    seeds: int
    halving: bool

    def settings(self, usual: tuple[float, ...] | None = None) -> SweepSettings:
        """What a sweep tries.

        Args:
            usual: Rates of the first stage if nobody names any; those of data sets if left out.

        Raises:
            RedheartError: Rates are given that a hierarchical sweep finds by itself.
        """
        from redheart_core.tuning.sweep_steps import COARSE, RATES, SweepSettings

        if self.rates is not None and self.hierarchical:
            raise RedheartError("a hierarchical sweep tries rates of its own; leave out rates or hierarchical")
        tried = self.rates or usual or (COARSE if self.hierarchical else RATES)
        return SweepSettings(tried, self.hierarchical, self.short_epochs, self.seeds, self.halving)


def sweep(
    data: str | None = None,
    *,
    output: str | Path | None = None,
    rates: Sequence[float] | None = None,
    hierarchical: bool = False,
    short_epochs: int = 3,
    seeds: int = 2,
    halving: bool = True,
    enable: str | Iterable[str] = (),
    disable: str | Iterable[str] = (),
    settings: Settings | None = None,
    groups: str | Path | None = None,
    encoder: str | Sequence[str] | None = None,
    scale: str | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    device: str | None = None,
    store: str | Path | None = None,
    start_from: str | Path | None = None,
    plugins: str | Path | None = None,
    progress: bool = True,
) -> Sweep:
    """Find the learning rate of every group with short runs, for a training with the same arguments.

    Writes sweep.json and groups.toml into the folder of the run; train(groups=RUN/"groups.toml") takes the rates.
    Agents in an environment are trained together for it; their losses are their returns with the sign changed.

    Args:
        data: As for train, like all that is not named here.
        output: Folder of the run.
        rates: Rates to try.
        hierarchical: From decades to ever finer rates around each group's best one.
        short_epochs: Of a short run.
        seeds: Short runs per rate.
        halving: Whether rates that are far behind are dropped early.
        enable: As for train, like everything below.
    """
    choice = PluginChoice.of(plugins, enable, disable, settings)
    options = RunOptions(find_optional(output), find_optional(store), data, encoder, scale, epochs, seed, device)
    asked = SweepOptions(None if rates is None else tuple(rates), hierarchical, short_epochs, seeds, halving)
    with keeping_threads(), make_display(progress) as display:
        if names_environment(choice, options):
            if start_from is not None:
                raise SettingsError("agents begin anew; leave start_from out")
            return find_rates_of_agents(begin_agents(choice, options, display, find_optional(groups)), asked, display)
        session = trained_from(begin(choice, options, display, find_optional(groups)), start_from, display.say)
        return find_rates(session, asked.settings(), display)


def find_rates(session: Session, settings: SweepSettings, display: Display) -> Sweep:
    """What sweep does, for a caller with a session and a display of its own."""
    from redheart_core.tuning.sweep import sweep as sweep_groups

    return sweep_groups(session.run, session.context, settings, display.progress)


def find_rates_of_agents(session: AgentsSession, asked: SweepOptions, display: Display) -> Sweep:
    """The same for agents in an environment."""
    from redheart_core.agents.sweeping import sweep_agents, usual_rates

    settings = asked.settings(usual_rates(session.context.training.learning_rate, asked.hierarchical))
    return sweep_agents(session.run, session.context, settings, session.describe, display.progress)


def search(
    group: str,
    data: str | None = None,
    *,
    output: str | Path | None = None,
    trials: int = 20,
    space: str | Path | None = None,
    pruner: Pruner = "median",
    together: int = 1,
    enable: str | Iterable[str] = (),
    disable: str | Iterable[str] = (),
    settings: Settings | None = None,
    groups: str | Path | None = None,
    encoder: str | Sequence[str] | None = None,
    scale: str | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    device: str | None = None,
    store: str | Path | None = None,
    start_from: str | Path | None = None,
    plugins: str | Path | None = None,
    progress: bool = True,
) -> SearchResult:
    """Search settings of one group with Optuna, for a training with the same arguments; needs redheart[search].

    Args:
        group: The checkpoint group.
        data: As for train, like all that is not named here.
        output: Folder of the run; trials are kept there, and the same call goes on.
        trials: In all, earlier ones too.
        space: A TOML file of what may change; learning rate, weight decay and every dropout if left out.
        pruner: Stops a trial that is worse than the median so far, or by successive halving.
        together: Trials of a round, which are proposed and stopped by those of earlier rounds alone.
        enable: As for train, like everything below.
    """
    choice = PluginChoice.of(plugins, enable, disable, settings)
    options = RunOptions(find_optional(output), find_optional(store), data, encoder, scale, epochs, seed, device)
    with keeping_threads(), make_display(progress) as display:
        session = searchable_session(choice, options, display, find_optional(groups), group, start_from)
        asked = SearchOptions(trials, find_optional(space), pruner, together)
        return search_session(session, group, asked, display)[0]


def searchable_session(
    choice: PluginChoice,
    options: RunOptions,
    display: Display,
    groups_file: Path | None,
    name: str,
    start_from: str | Path | None = None,
) -> Session:
    """A session in which a group can be searched; one that cannot is refused before the data are prepared.

    Raises:
        RedheartError: There is no such group, it is fitted in closed form, or it reads others and there is no run.
    """

    def check(folder: Path, groups: Sequence[Group]) -> None:
        group = _named(name, groups)
        if group.fitted:
            raise RedheartError(
                f"group '{name}' is fitted in closed form, so there is nothing to search; choose another"
            )
        if group.reads and not (folder / "run.json").exists():
            lower = " ".join(f"--only {one}" for one in group.reads)
            raise CheckpointError(
                f"group '{name}' reads {', '.join(group.reads)}, and {folder} holds no run in which they are trained; "
                f"redheart train -o {folder} {lower} trains them, with the other options of this search, and redheart "
                "auto searches all groups without"
            )

    return trained_from(begin(choice, options, display, groups_file, check=check), start_from, display.say)


def _named(name: str, groups: Sequence[Group]) -> Group:
    found = {group.name: group for group in groups}
    if name not in found:
        raise RedheartError(f"there is no group '{name}' (groups: {', '.join(sorted(found))})")
    return found[name]


def search_session(
    session: Session, name: str, asked: SearchOptions, display: Display, training: Training | None = None
) -> tuple[SearchResult, dict[str, Path]]:
    """What search does, for a caller with a session and a display of its own; and the files with the best settings."""
    from redheart_core.tuning.search import search as search_group
    from redheart_core.tuning.search_space import default_space, read_space
    from redheart_registry.plugins_toml import parse_file

    group = _named(name, session.context.groups)
    scale = session.context.settings.scale
    file = asked.space
    space = read_space(parse_file(file), str(file), group, scale) if file else default_space(group)
    found = search_group(
        session.run,
        session.context,
        group,
        space,
        asked.trials,
        asked.pruner,
        asked.together,
        display.progress,
        training,
    )
    files = write_plugins_toml(session, found.settings, session.run.path / "search", f"{found.group}.")
    return found, files
