"""The HTML page of a run of agents: learning curves, teams, settings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from redheart_core.agents.context import UNUSED
from redheart_core.agents.teams import EVALUATION, TeamEvaluation
from redheart_core.contract.errors import CheckpointError
from redheart_core.report.axes import epoch_ticks, style
from redheart_core.report.episode import replay
from redheart_core.report.page import templates
from redheart_core.report.svg import BEST, COMMON, MUTED, VALIDATION, to_svg
from redheart_core.runs.episode import EPISODE
from redheart_core.runs.manifest import GroupManifest
from redheart_core.runs.read_status import read_status
from redheart_core.runs.run import RunFolder
from redheart_core.selection.sweetspot import common_epoch
from redheart_core.storage.files import write_bytes
from redheart_core.storage.settings import as_table
from redheart_core.tuning.sweep_result import SWEEP


@attrs.frozen
class Curve:
    """What an agent gets in the evaluation episodes of each epoch."""

    group: str
    epochs: tuple[int, ...]
    returns: tuple[float, ...]
    errors: tuple[float, ...]
    """Half of the 95 % interval of each over the episodes."""

    @property
    def best(self) -> int:
        """The place of the largest return."""
        return max(range(len(self.epochs)), key=lambda place: (self.returns[place], -place))


def write_agents_report(run: Path, output: Path) -> None:
    """Write one HTML file that shows a run of agents, with all it needs inside.

    Raises:
        CheckpointError: The run is missing or damaged, is one on texts, or has no epoch yet.
        FileError: The file cannot be written.
    """
    write_bytes(output, render_agents(run).encode())


def render_agents(path: Path) -> str:
    """The page as text; raises as write_agents_report."""
    run = RunFolder(path)
    description = run.read()
    environment = description.environment
    if environment is None:
        raise CheckpointError(f"{path} is a run on a data set, without agents")
    manifests = {name: run.group(name).read() for name in description.groups}
    without = [name for name, one in manifests.items() if not one.epochs]
    if without:
        raise CheckpointError(f"there is nothing to show of {path}: {', '.join(without)} has no epoch yet")
    common = common_epoch(manifests)
    curves = [read_curve(run, name, manifest) for name, manifest in manifests.items()]
    episode = EPISODE.read_if_there(path / "episode.json")
    status = read_status(path, datetime.now(UTC))
    learner: Mapping[str, Any] = next(iter(description.nodes.values())).settings
    return (
        templates()
        .get_template("agents.html.j2")
        .render(
            title=f"redheart run {path.resolve().name}",
            path=path,
            run=description,
            environment=environment,
            status=status,
            curves=curves,
            plots={curve.group: learning_curve(curve, common) for curve in curves},
            common=common,
            teams=_teams(path / "team_test.json", path / "teams.json"),
            sweep=SWEEP.read_if_there(path / "sweep.json"),
            episode=episode,
            replay=replay(episode, "replay") if episode else None,
            tables={
                "training": {key: one for key, one in as_table(description.training).items() if key not in UNUSED},
                "agents": as_table(environment.playing),
                environment.learner: learner,
                environment.name: environment.settings,
            },
        )
    )


def read_curve(run: RunFolder, name: str, manifest: GroupManifest) -> Curve:
    """The returns of an agent's epochs on disk; the losses of episodes are verified."""
    entries = sorted(manifest.epochs, key=lambda one: one.epoch)
    errors = []
    for entry in entries:
        losses = run.group(name).losses(entry)
        errors.append(1.96 * losses.std().item() / math.sqrt(len(losses)))
    return Curve(
        group=name,
        epochs=tuple(one.epoch for one in entries),
        returns=tuple(-one.validation_loss for one in entries),
        errors=tuple(errors),
    )


def learning_curve(curve: Curve, common: int) -> Markup:
    """Mean return by epoch with its interval over episodes, the best epoch and the common one."""
    figure = Figure(figsize=(3.3, 2.15))
    axes = figure.add_axes((0.165, 0.18, 0.805, 0.78))
    low = [value - error for value, error in zip(curve.returns, curve.errors, strict=True)]
    high = [value + error for value, error in zip(curve.returns, curve.errors, strict=True)]
    axes.fill_between(curve.epochs, low, high, color=VALIDATION, alpha=0.2, linewidth=0)
    axes.plot(curve.epochs, curve.returns, color=VALIDATION, linewidth=1.6, marker="o", markersize=2.5)
    axes.axvline(common, color=COMMON, linewidth=1.2, linestyle=(0, (1, 1.5)), zorder=1)
    axes.plot([curve.epochs[curve.best]], [curve.returns[curve.best]], "o", color=BEST, markersize=5, zorder=4)
    style(axes)
    axes.set_xlim(min(curve.epochs) - 0.5, max(curve.epochs) + 0.5)
    axes.set_xlabel("epoch", color=MUTED, fontsize=8)
    axes.set_xticks(epoch_ticks(1, max(curve.epochs), 8))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    return to_svg(figure, f"Mean return of {curve.group} by epoch", scales=True)


def _teams(*files: Path) -> list[TeamEvaluation]:
    """What was evaluated, in this order."""
    return [found for file in files if (found := EVALUATION.read_if_there(file)) is not None]
