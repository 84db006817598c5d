"""All that `redheart run` does: data, training, selection, assembly, evaluation, report and an analysis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from redheart.analysis import Analysis
from redheart.loading import of_assembled
from redheart.options import PluginChoice, RunOptions, Settings, Share
from redheart.progress import Display, make_display
from redheart.runs import Run
from redheart.sessions import Session, begin
from redheart.starting import begin_at
from redheart.threads import keeping_threads
from redheart.training import budget_of, train_session
from redheart_core.contract.errors import RedheartError
from redheart_core.storage.paths import find_optional
from redheart_core.training.budget import Budget

if TYPE_CHECKING:
    from redheart_core.data.store import Store
    from redheart_core.evaluation.results import Evaluation
    from redheart_core.selection.sweetspot import Sweetspot


@attrs.frozen(eq=False)
class Finished:
    """All that `redheart run` makes."""

    run: Run
    selection: Sweetspot
    evaluation: Evaluation
    report: Path
    analysis: Analysis | None
    """None of a model of records without texts."""

    def _repr_html_(self) -> str:
        return self.run._repr_html_() + ("" if self.analysis is None else self.analysis._repr_html_())


EXAMPLE = (
    "One evening I heard that the mill was changing hands. There was good reason to be hopeful, and the effect would "
    "come in some days. Walter saw nothing else to do. After a short night Walter passed off my drawings as new ones. "
    "Orders came in from all sides; all the same, I stood without work. I slammed the door."
)
"""Of the embedded world, whose model answers no other texts."""


def run(
    data: str | None = None,
    *,
    output: str | Path | None = None,
    text: str | None = None,
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
    plugins: str | Path | None = None,
    memory: int | None = None,
    start_from: str | Path | None = None,
    progress: bool = True,
) -> Finished:
    """Data, training, selection, assembly, evaluation, report and the analysis of a text in one go.

    The same call goes on where an earlier one was interrupted.

    Args:
        data: As for train, like all that is not named here.
        output: Folder of the run; runs/DATA if left out.
        text: Analyzed at the end, unless the data set has no texts; the first validation text if left out.
        enable: As for train, like everything below.

    Raises:
        GroupsStoppedError: Groups stopped at a fault, so nothing was assembled.
        RedheartError: A setting, plugin, record or file is wrong.
    """
    choice = PluginChoice.of(plugins, enable, disable, settings)
    options = RunOptions(find_optional(output), find_optional(store), data, encoder, scale, epochs, seed, device)
    with keeping_threads(), make_display(progress) as display:
        budget = budget_of(memory)
        return finish_run(choice, options, find_optional(groups), text, display, budget, start_from)


class GroupsStoppedError(RedheartError):
    """Some groups stopped at a fault, so that the model of all groups cannot be assembled."""

    def __init__(self, run: Path, stopped: dict[str, str]) -> None:
        details = "; ".join(f"{group}: {reason}" for group, reason in stopped.items())
        super().__init__(
            f"some groups stopped, so nothing is assembled: {details}\n"
            f"redheart crossover {run} --partial assembles what was finished; --disable NAME leaves a plugin out"
        )
        self.stopped = stopped


def finish_run(
    choice: PluginChoice,
    options: RunOptions,
    groups_file: Path | None,
    text: str | None,
    display: Display,
    budget: Budget | None = None,
    start_from: str | Path | None = None,
) -> Finished:
    """What run does, for a caller with a display of its own; each thing is computed once, or read if it is there."""
    session = begin(choice, options, display, groups_file)
    if start_from is not None:
        begin_at(session, start_from, display.say)
    from redheart_core.models.manifest import manifest_sha256
    from redheart_core.models.of_run import require_model
    from redheart_core.report.collect_results import read_evaluation

    stopped = train_session(session, Share(budget=budget), display)
    inspect_run(session)
    one = Run(session.run.path, session)
    if stopped:
        raise GroupsStoppedError(one.path, stopped)
    selection = one.select()
    evaluation = None
    if (one.path / "model").exists():
        require_model(one.path / "model", session.run, selection)
        model = one.model()
        evaluation = read_evaluation(one.path / "evaluation.json", session.run.read().groups)
        if evaluation is not None and (
            evaluation.stopped or evaluation.model_sha256 != manifest_sha256(one.path / "model")
        ):
            evaluation = None  # of another model, or of a part of this one
    else:
        model = of_assembled(one.assemble_shown(one.path / "model", display).model)
    evaluation = evaluation or one.evaluate_shown(one.path / "model", display)
    analysis = model.analyze(_example(session.context.store) if text is None else text) if model.reads_texts else None
    return Finished(one, selection, evaluation, one.report(), analysis)


def _example(store: Store) -> str:
    """A text of the data, which no weights were learnt from."""
    return store.text(int(store.rows("validation")[0]))


def inspect_run(session: Session) -> None:
    """Write inspection.json into a run that has begun, and so belongs to this data, unless it is there."""
    from redheart_core.inspection.findings import INSPECTION
    from redheart_core.inspection.inspect import inspect_store

    file = session.run.path / "inspection.json"
    if not file.exists():
        INSPECTION.write(file, inspect_store(session.context.store))
