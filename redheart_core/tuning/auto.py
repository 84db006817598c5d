"""The automated choice of settings, for every checkpoint group by itself.

As groups are islands, candidate i of every group of a tier is trained in the same round, and k candidates cost k
trainings of the model however many groups there are. Tier by tier: a group reads the lower ones at the candidates that
were chosen for them. What a study is of is told by the outputs that its group reads, so that where more time changes a
choice below, the groups above are searched anew and nothing is mixed.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs.validators import ge, gt, optional

from redheart_core.contract.errors import RedheartError, SettingsError
from redheart_core.exact.interval import Interval
from redheart_core.exact.numbers import FloatArray
from redheart_core.groups.group import Group
from redheart_core.runs.description import RunDescription
from redheart_core.runs.run import RunFolder
from redheart_core.storage.sealed import SealedFile
from redheart_core.storage.structuring import unstructure
from redheart_core.training.context import TrainingContext
from redheart_core.tuning.candidates import OWN, StudySettings
from redheart_core.tuning.choice import GroupChoice, Judged, Prefer, choose, mean_gain
from redheart_core.tuning.described import describe_training
from redheart_core.tuning.journals import warm_values
from redheart_core.tuning.search_space import Space
from redheart_core.tuning.studies import GroupStudy
from redheart_core.tuning.trial import descends, with_group

FOLDER = "auto"
"""Of the studies, in the folder of the run."""
LOOK_S = 0.5
"""From look to look at the candidates of other processes."""
Progress = Callable[[str, int, int], None]


@attrs.frozen
class AutoSettings:
    """What an automated choice may take, and how it chooses."""

    trials: int = attrs.field(default=20, validator=ge(1))
    """Candidates of every group in all, those of earlier processes among them."""
    seconds: float | None = attrs.field(default=None, validator=optional(gt(0.0)))
    """Of this process: no candidate begins after its tier's share of them."""
    prefer: Prefer = "quality"
    study: StudySettings = attrs.field(factory=StudySettings)

    def __attrs_post_init__(self) -> None:
        if self.study.together != 1:
            raise SettingsError(
                f"together = {self.study.together} is of a search of one group; auto shows a candidate all that is "
                "finished, and trains at once what several of its processes claim"
            )


@attrs.frozen
class AutoResult:
    """auto.json: what was found for all groups."""

    trials: int
    """That were asked for."""
    groups: tuple[GroupChoice, ...]
    """Those that were searched, lower tiers first."""
    gain: Interval
    """The mean over groups of the corrected difference relative to the loss of the own settings; below 0 is better."""

    def to_json(self) -> dict[str, Any]:
        table: dict[str, Any] = unstructure(self)
        return table

    def tables(self) -> dict[str, dict[str, dict[str, Any]]]:
        """The settings of all chosen candidates as tables "groups" and "plugins"."""
        found: dict[str, dict[str, dict[str, Any]]] = {"groups": {}, "plugins": {}}
        for choice in self.groups:
            for kind, tables in choice.settings.items():
                found[kind] |= tables
        return found


AUTO = SealedFile(AutoResult, "auto", 1, "run the same redheart auto again")


@attrs.frozen(eq=False)
class Searched:
    """A finished search, and the training context of what was chosen."""

    result: AutoResult
    context: TrainingContext
    """The chosen groups, with the outputs that others read of them."""
    losses: Mapping[str, FloatArray]
    """(N,) validation losses of what was chosen of each group."""


def auto(
    run: RunFolder,
    context: TrainingContext,
    spaces: Mapping[str, Space],
    settings: AutoSettings,
    warm: Path | None = None,
    progress: Progress | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Searched:
    """Search the settings of groups, from wherever earlier processes stopped.

    Several processes may work in the same folder with the same options. Trials and choices are kept in RUN/auto.

    Args:
        run: Its folder; it need not hold a run.
        context: Of the training that the settings are for.
        spaces: What may change, by group; other groups stay as they are.
        settings: What to try.
        warm: Folder of the studies of an earlier search, whose best candidates come first.
        progress: Called with each group's finished candidates.
        clock: Seconds.

    Raises:
        RedheartError: Optuna is not installed, no group descends, or own settings cannot be trained.
        CheckpointError: The search was begun otherwise, or a file of it is damaged.
        DataError: There are too few validation records to choose on.
    """
    tiers = {group.name: group.tier for group in context.groups if group.name in spaces}
    if not tiers:
        raise RedheartError("no group descends, so there is nothing to search; enable a plugin with a network")
    begun = describe_training(run.path, context)
    folder, readers = run.path / FOLDER, {name for group in context.groups for name in group.reads}
    ends = None if settings.seconds is None else clock() + settings.seconds
    found: dict[str, Judged] = {}
    for tier in sorted({group.tier for group in context.groups}):
        groups = [group for group in context.groups if group.tier == tier]
        open_tiers = len({at for at in tiers.values() if at >= tier})
        deadline = None if ends is None else clock() + (ends - clock()) / max(1, open_tiers)
        studies = {
            group.name: _open(run, context, group, spaces.get(group.name, {}), settings, begun, warm)
            for group in groups
            if group.name in tiers or (group.name in readers and descends(context, group))
        }
        _train(studies, settings.trials, deadline, clock, progress)
        found |= {name: choose(study, settings.trials, settings.prefer) for name, study in studies.items()}
        for group in groups:
            if group.name not in studies:
                if group.name in readers:
                    context.add_outputs(group, context.fit(group) if group.fitted else context.module(group))
                continue
            study, candidate = studies[group.name], found[group.name].chosen
            chosen = study.changed_group(candidate)
            context = with_group(context, chosen)
            if group.name in readers:
                context.add_outputs(chosen, study.module_of(candidate))
    kept = [found[name] for name in tiers]
    result = AutoResult(settings.trials, tuple(one.choice for one in kept), mean_gain(kept))
    AUTO.write(folder / "auto.json", result)
    return Searched(result, context, {name: found[name].chosen.losses for name in tiers})


def _open(
    run: RunFolder,
    context: TrainingContext,
    group: Group,
    space: Space,
    settings: AutoSettings,
    begun: RunDescription,
    warm: Path | None,
) -> GroupStudy:
    """The study of a group; what was chosen below, which more trials may change, tells studies apart."""
    read = "\n".join(context.source.lower_identities(group.external))
    return GroupStudy.open(
        run.path / FOLDER,
        context,
        group,
        space,
        settings.study,
        begun,
        suffix=f"-{hashlib.sha256(read.encode()).hexdigest()[:8]}" if read else "",
        warm=[] if warm is None else warm_values(warm, group.name, space),
    )


def _train(
    studies: Mapping[str, GroupStudy],
    trials: int,
    deadline: float | None,
    clock: Callable[[], float],
    progress: Progress | None,
) -> None:
    """Train the candidates of a tier in rounds, one of every group; those that other processes train are awaited."""
    pieces = [
        (study, number) for number in range(OWN, trials) for study in studies.values() if study.space or number == OWN
    ]
    while pieces:
        left, worked = [], False
        for study, number in pieces:
            if study.is_done(number):
                continue
            with study.claim(number) as mine:
                if not mine:
                    left.append((study, number))
                elif not study.is_done(number) and (number == OWN or deadline is None or clock() < deadline):
                    study.run(number)
                    worked = True
                    if progress and number != OWN:
                        progress(f"search {study.group.name}", number + 1, trials)
        pieces = left
        if pieces and not worked:
            time.sleep(LOOK_S)


def descending(context: TrainingContext) -> tuple[Group, ...]:
    """The groups that a search can change."""
    return tuple(group for group in context.groups if descends(context, group))
