"""The automated choice of settings and plugins, for every checkpoint group by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs

from redheart.options import PluginChoice, RunOptions, Settings
from redheart.progress import Display, make_display
from redheart.sessions import Session, begin
from redheart.settings_files import write_plugins_toml
from redheart.starting import trained_from
from redheart.threads import keeping_threads
from redheart_core.contract.errors import CheckpointError, RedheartError, SettingsError
from redheart_core.storage.paths import find_optional

if TYPE_CHECKING:
    from redheart_core.evaluation.switching import Left
    from redheart_core.exact.interval import Interval
    from redheart_core.tuning.auto import AutoResult, Searched
    from redheart_core.tuning.search_space import Space

Prefer = Literal["quality", "cost"]
Sampler = Literal["tpe", "random"]
Pruner = Literal["median", "halving"]
Objective = Literal["loss", "latency", "memory"]


@attrs.frozen
class AutoOptions:
    """What an automated choice may take, and how it chooses."""

    trials: int = 20
    seconds: float | None = None
    space: Path | None = None
    objectives: tuple[Objective, ...] = ("loss",)
    prefer: Prefer = "quality"
    sampler: Sampler = "tpe"
    pruner: Pruner = "median"
    warm: Path | None = None
    """A run whose searches are read."""
    encoders: tuple[tuple[str, ...], ...] = ()
    """Encoders that are tried, one or several at once, in place of that of the run."""
    start_from: str | Path | None = None
    """A model at whose weights groups begin."""


@attrs.frozen
class EncoderRow:
    """What a search with one encoder has come to."""

    encoder: str
    """Names with + between them."""
    folder: Path
    """Of the run that it is for."""
    difference: Interval
    """Mean over groups of the validation loss of what was chosen, relative to that with the first encoder, less 1; 95 %
    over validation records. Below 0 is better."""


@attrs.frozen
class Automated:
    """What `redheart auto` finds."""

    result: AutoResult
    off: tuple[Left, ...]
    """Groups that the fusions do without, in the order in which they were left out."""
    plugins: Path
    """The plugins.toml of all that was chosen."""
    groups: Path | None
    """The tables [groups.NAME] alone, where nothing else is changed."""
    report: Path
    """An HTML page of all of it."""
    encoders: tuple[EncoderRow, ...] = ()
    """Those that were tried; everything else is of the best one."""

    @property
    def encoder(self) -> EncoderRow | None:
        """Of those that were tried the one that is taken."""
        return best_encoder(self.encoders) if self.encoders else None

    def to_json(self) -> dict[str, Any]:
        return {
            **self.result.to_json(),
            "off": [attrs.asdict(one) for one in self.off],
            "encoder": None if self.encoder is None else self.encoder.encoder,
            "encoders": [{**attrs.asdict(one), "folder": str(one.folder)} for one in self.encoders],
            "files": {
                "plugins": str(self.plugins),
                "groups": None if self.groups is None else str(self.groups),
                "report": str(self.report),
            },
        }


def best_encoder(rows: Sequence[EncoderRow]) -> EncoderRow:
    """The one with the lowest loss, the first of equals."""
    return min(rows, key=lambda one: one.difference.number)


def auto(
    data: str | None = None,
    *,
    output: str | Path | None = None,
    trials: int = 20,
    seconds: float | None = None,
    space: str | Path | None = None,
    objectives: Sequence[Objective] = ("loss",),
    prefer: Prefer = "quality",
    sampler: Sampler = "tpe",
    pruner: Pruner = "median",
    warm: str | Path | None = None,
    enable: str | Iterable[str] = (),
    disable: str | Iterable[str] = (),
    settings: Settings | None = None,
    groups: str | Path | None = None,
    encoder: str | Sequence[str] | None = None,
    encoders: Sequence[str | Sequence[str]] = (),
    scale: str | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    device: str | None = None,
    store: str | Path | None = None,
    start_from: str | Path | None = None,
    plugins: str | Path | None = None,
    progress: bool = True,
) -> Automated:
    """Choose settings of all groups and leave out what adds nothing, for a training with the same arguments.

    Needs redheart[search]. Validation records alone are looked at. The same call goes on where an earlier one stopped.

    Args:
        data: As for train, like all that is not named here.
        output: Folder of the run; everything is kept in its folder auto.
        trials: Candidates of every group in all, earlier ones too; they are trained side by side.
        seconds: No candidate begins after that.
        space: A TOML file of what may change; scale, rate, decay, dropout, techniques and inputs if left out.
        objectives: The loss first, then what else the sampler is to lower.
        prefer: The lowest loss, or the cheapest within a standard error of it.
        sampler: The tree-structured Parzen estimator, or draws at random.
        pruner: Stops a candidate that is worse than the median so far, or by successive halving.
        warm: An earlier run whose best candidates come first.
        encoders: Encoders to try, each a name or several that are used at once: each is searched in a folder of its own
            below output, and the one with the lowest validation losses is taken. encoder and store are left out then.
        enable: As for train, like everything else.
    """
    choice = PluginChoice.of(plugins, enable, disable, settings)
    options = RunOptions(find_optional(output), find_optional(store), data, encoder, scale, epochs, seed, device)
    tried = tuple((one,) if isinstance(one, str) else tuple(one) for one in encoders)
    wanted = AutoOptions(
        trials, seconds, find_optional(space), tuple(objectives), prefer, sampler, pruner, find_optional(warm), tried,
        start_from,
    )  # fmt: skip
    with keeping_threads(), make_display(progress) as display:
        return automate(choice, options, wanted, display, find_optional(groups))


def automate(
    choice: PluginChoice, options: RunOptions, wanted: AutoOptions, display: Display, groups: Path | None
) -> Automated:
    """What auto does, for a caller with a display of its own."""
    if wanted.encoders:
        if wanted.start_from is not None:
            raise SettingsError("a model is of one encoder; leave --start-from or --try-encoder out")
        from redheart.trying_encoders import try_encoders

        return try_encoders(choice, options, wanted, display, groups)
    session = trained_from(begin(choice, options, display, groups), wanted.start_from, display.say)
    return search_session(session, options, wanted, display)[0]


def search_session(
    session: Session, options: RunOptions, wanted: AutoOptions, display: Display
) -> tuple[Automated, Searched]:
    """What is found for a session, and the trained groups."""
    from redheart_core.evaluation.switching import switch_off
    from redheart_core.report.search_page import write_search_page
    from redheart_core.tuning.auto import FOLDER, AutoSettings
    from redheart_core.tuning.auto import auto as search_groups
    from redheart_core.tuning.candidates import StudySettings

    study = StudySettings(wanted.sampler, wanted.pruner, wanted.objectives)
    settings = AutoSettings(wanted.trials, wanted.seconds, wanted.prefer, study)
    warm = None if wanted.warm is None else _studies_of(wanted.warm)
    spaces = _spaces(session, wanted.space)
    ends = "" if wanted.seconds is None else f"; no candidate begins after {wanted.seconds:g} s"
    display.say(
        f"searching {', '.join(sorted(spaces))}: up to {wanted.trials} candidates of each beside its own settings, so "
        f"at most {wanted.trials + 1} trainings of the model{ends}"
    )
    found = search_groups(session.run, session.context, spaces, settings, warm, display.progress)
    off = switch_off(found.context, wanted.prefer == "cost", display.progress)
    left = {one.group for one in off}
    nodes = {node.name for group in session.context.groups if group.name in left for node in group.nodes}
    tables = {
        "groups": {name: table for name, table in found.result.tables()["groups"].items() if name not in left},
        "plugins": {name: table for name, table in found.result.tables()["plugins"].items() if name not in nodes},
    }
    folder = session.run.path / FOLDER
    files = write_plugins_toml(session, tables, folder, "", nodes, options)
    page = folder / "auto.html"
    write_search_page(found.result, off, session.run.path, page)
    return Automated(found.result, tuple(off), files["plugins"], files.get("groups"), page), found


def _spaces(session: Session, file: Path | None) -> dict[str, Space]:
    from redheart_core.tuning.auto import descending
    from redheart_core.tuning.search_space import read_spaces
    from redheart_core.tuning.wide_space import wide_space
    from redheart_registry.plugins_toml import parse_file

    context = session.context
    groups = descending(context)
    if not groups:
        raise RedheartError(
            "no group descends, so there is nothing to search (groups: "
            f"{', '.join(group.name for group in context.groups)}); enable a plugin with a network"
        )
    if file is not None:
        return dict(read_spaces(parse_file(file), str(file), groups, context.settings.scale))
    fields, scale = context.store.fields, context.settings.scale
    return {one.name: wide_space(one, fields, scale, same_weights=one.name in context.starts) for one in groups}


def _studies_of(run: Path) -> Path:
    """The folder of the studies of a run."""
    for name in ("auto", "search"):
        if list((run / name).glob("*.journal")):
            return run / name
    raise CheckpointError(f"{run} holds no search to begin from (no auto/*.journal or search/*.journal)")
