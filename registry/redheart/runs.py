"""A run in its folder, and all that is made of it: choices, models, evaluations, reports."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from redheart.loading import load, of_assembled
from redheart.models import Model
from redheart.options import PluginChoice
from redheart.progress import Display, make_display
from redheart.sessions import Session, open_model, open_session
from redheart.threads import keeping_threads
from redheart_core.contract.errors import RedheartError
from redheart_core.storage.paths import find_path
from redheart_core.storage.presence import require_run

if TYPE_CHECKING:
    from redheart_core.evaluation.decomposition import Decomposition
    from redheart_core.evaluation.results import Evaluation
    from redheart_core.models.assembly import Assembled
    from redheart_core.runs.accounts import ParameterAccount
    from redheart_core.runs.status import RunStatus
    from redheart_core.selection.rivals import Rivals
    from redheart_core.selection.sweetspot import Sweetspot


@attrs.define(eq=False)
class Run:
    """A run folder. Nothing of it is read before it is needed; what was computed is kept while the epochs stay."""

    path: Path = attrs.field(converter=find_path)
    _session: Session | None = attrs.field(default=None, repr=False)
    _selection: tuple[str, Sweetspot] | None = attrs.field(default=None, init=False, repr=False)

    @property
    def session(self) -> Session:
        """Registry, data and training context under the settings that the run was begun with.

        Raises:
            CheckpointError: There is no run, or a plugin has changed since.
        """
        if self._session is None:
            with keeping_threads():
                self._session = open_session(self.path, PluginChoice())
        return self._session

    @contextmanager
    def _working(self) -> Iterator[Session]:
        """The session, with the number of threads that the run was begun with."""
        session = self.session
        with keeping_threads(session.context.settings.threads):
            yield session

    @property
    def stopped(self) -> dict[str, str]:
        """The groups that stopped at a fault, with the reason."""
        return {group.name: group.reason for group in self.status().groups if group.status == "stopped"}

    def status(self) -> RunStatus:
        """How far the training is; another process may be at it."""
        require_run(self.path)
        from datetime import UTC, datetime

        from redheart_core.runs.read_status import read_status

        return read_status(self.path, datetime.now(UTC))

    def audit(self, progress: bool = True) -> list[ParameterAccount]:
        """The account of every parameter of the run's modules, newly built: group, optimizer, first gradients.

        What `redheart audit` prints; redheart_core.training.audit.totals adds up its lines by plugin.
        """
        with self._working() as session, make_display(progress) as display:
            return session.context.audit_all(display.progress)

    def select(self) -> Sweetspot:
        """The best epoch of each group by several rules, and what one common epoch for all would cost.

        Also written as sweetspot.json.

        Raises:
            CheckpointError: There is no run, a group has no epoch on disk, or a file is damaged.
        """
        return self._select(())

    def _select(self, without: Collection[str]) -> Sweetspot:
        """The same of all groups but some."""
        require_run(self.path)
        from redheart_core.runs.run import RunFolder
        from redheart_core.selection.sweetspot import SWEETSPOT, find_sweetspot, trained_groups

        run = RunFolder(self.path)
        groups = [name for name in trained_groups(run) if name not in without]
        stamp = run.stamp(groups)
        if self._selection is None or self._selection[0] != stamp:
            found = find_sweetspot(run, groups)
            SWEETSPOT.write(self.path / "sweetspot.json", found)
            self._selection = stamp, found
        return self._selection[1]

    def compare(self, progress: bool = True) -> Rivals:
        """Every way to make a model of the run's epochs, group by group on validation; also written as rivals.json."""
        from redheart_core.selection.rivals import RIVALS, compare_methods

        with self._working() as session, make_display(progress) as display:
            rivals, _ = compare_methods(session.run, session.context, display.progress)
        RIVALS.write(self.path / "rivals.json", rivals)
        return rivals

    def assemble(
        self,
        output: str | Path | None = None,
        *,
        rule: str = "best",
        method: str | None = None,
        epochs: Mapping[str, int] | None = None,
        partial: bool = False,
        progress: bool = True,
    ) -> Model:
        """Make a model of the run: one epoch of each group, not rewritten, or what a method makes of several.

        Each group's validation loss in the model equals the recorded one to the last bit; Model.checks shows both.

        Args:
            output: Folder of the model, which must not exist; RUN/model if left out.
            rule: Which epoch of each group, as Run.select names them.
            method: "greedy soup", "top ensemble", ..., or "chosen" for what validation prefers for each group; it
                stands in place of rule and epochs.
            epochs: Groups that are taken at another epoch.
            partial: Leave out groups that are not finished, and those that read them; Model.missing names them.
            progress: Whether progress is shown on stderr.

        Raises:
            CheckpointError: The folder exists, a group is not finished, a checkpoint is damaged, or a loss is not
                reproduced.
            RedheartError: The rule names no epoch for some group.
        """
        folder = find_path(output) if output is not None else self.path / "model"
        with make_display(progress) as display:
            made = self.assemble_shown(folder, display, rule=rule, method=method, epochs=epochs, partial=partial)
        return of_assembled(made.model)

    def assemble_shown(
        self,
        folder: Path,
        display: Display,
        *,
        rule: str = "best",
        method: str | None = None,
        epochs: Mapping[str, int] | None = None,
        partial: bool = False,
    ) -> Assembled:
        """What assemble does, for a caller with a display of its own, who gets the model without its encoder.

        Returns:
            The model, with the seconds of each step: run (plugins and data are read), choose, and those of
            redheart_core.models.assembly.Assembled.
        """
        from redheart_core.models.steps import timed

        seconds = dict[str, float]()
        with timed(seconds, "run"):
            session = self.session
        with keeping_threads(session.context.settings.threads):
            made = self._assemble(session, folder, rule, method, epochs or {}, partial, display, seconds)
        return attrs.evolve(made, seconds={**seconds, **made.seconds})

    def _assemble(
        self,
        session: Session,
        folder: Path,
        rule: str,
        method: str | None,
        epochs: Mapping[str, int],
        partial: bool,
        display: Display,
        seconds: dict[str, float],
    ) -> Assembled:
        from redheart.assembling import assemble_epochs, assemble_method
        from redheart_core.models.steps import timed

        if method is None:
            from redheart_core.models.finished import finished_part, require_finished, unfinished_groups

            missing = unfinished_groups(session.run, session.context) if partial else {}
            if partial:
                finished_part(session.context, missing)  # refuses a run without any
            else:
                require_finished(session.run, session.context)
            with timed(seconds, "choose"):
                chosen = self._select(missing).chosen(rule)
            return assemble_epochs(session, folder, chosen, epochs, partial, display)
        if epochs or rule != "best" or partial:
            raise RedheartError("a method chooses by itself among all groups; leave rule, epochs and partial out")
        return assemble_method(session, folder, method, display)

    def model(self, folder: str | Path | None = None) -> Model:
        """A model that was assembled before; RUN/model if no folder is given."""
        return load(folder or self.path / "model", device=self.session.context.settings.device)

    def evaluate(self, model: str | Path | None = None, *, progress: bool = True) -> Evaluation:
        """A model of the run on the test split, beside every other way to make one; also written as evaluation.json.

        Of a model that leaves groups out, the groups that it holds are evaluated; Evaluation.missing names the others.
        A group whose plugins fail is left out alone; Evaluation.stopped says why.

        Args:
            model: Its folder; RUN/model if left out.
            progress: Whether progress is shown on stderr.

        Raises:
            CheckpointError: The model is missing, damaged, an export or of another run.
        """
        with make_display(progress) as display:
            return self.evaluate_shown(find_path(model) if model is not None else self.path / "model", display)

    def evaluate_shown(self, model: Path, display: Display) -> Evaluation:
        """What evaluate does, for a caller with a display of its own."""
        from redheart_core.evaluation.calibration import measure_calibration
        from redheart_core.evaluation.evaluate import evaluate_test
        from redheart_core.evaluation.results import EVALUATION
        from redheart_core.models.finished import finished_part
        from redheart_core.models.manifest import manifest_sha256
        from redheart_core.models.of_run import left_out, model_picks
        from redheart_core.runs.describe import relative_path
        from redheart_export.opening import require_weights

        require_weights(model, "evaluate the model that it was made from")
        with self._working() as session:
            run, missing = session.run, left_out(model, session.run)
            context, selection = finished_part(session.context, missing), self._select(missing)
            found = evaluate_test(run, context, selection, model_picks(model, run), display.progress)
            measured = measure_calibration(
                open_model(model, context.settings.device)[1], finished_part(context, found.stopped)
            )
        found = attrs.evolve(
            found,
            missing=missing,
            calibrated=measured,
            model=relative_path(model, self.path),
            model_sha256=manifest_sha256(model),
        )
        EVALUATION.write(self.path / "evaluation.json", found)
        return found

    def report(self, output: str | Path | None = None, *, model: str | Path | None = None) -> Path:
        """Write what happened, with plots, as one HTML file, and say where.

        Args:
            output: The file; RUN/report.html if left out.
            model: Folder of the model that it shows; RUN/model if that is there.
        """
        from redheart.agents import is_agents_run
        from redheart_core.report.agents_page import write_agents_report
        from redheart_core.report.page import write_report

        file = find_path(output) if output is not None else self.path / "report.html"
        if is_agents_run(self.path):
            write_agents_report(self.path, file)
        else:
            write_report(self.path, file, self._shown_model(model))
        return file

    def decompose(
        self, target: str, sources: Sequence[str] = (), *, split: str = "train", bins: int = 4
    ) -> Decomposition:
        """What the analyzers say of a target, divided into redundant, unique and synergistic parts (SURD).

        Args:
            target: FIELD or FIELD.LABEL, such as "emotion.fear".
            sources: NODE.OUTPUT or NODE.OUTPUT.LABEL; all that learn the field if left out.
            split: Whose records count.
            bins: Quantile bins per variable.
        """
        from redheart_core.evaluation.decomposition import decompose_run

        with self._working() as session:
            return decompose_run(session.run, session.context, target, tuple(sources), split, bins)

    def section(self, name: str) -> Section:
        """A section of the report for a notebook: its tables and plots.

        Args:
            name: "summary", "epochs", "curves", "rates", "methods", "test", "diagnostics", "data", "parameters",
                "model" or "settings".
        """
        require_run(self.path)
        from redheart_core.report.page import render_sections

        return Section(render_sections(self.path, self._shown_model(None), (name,)))

    def _shown_model(self, model: str | Path | None) -> Path | None:
        if model is not None:
            return find_path(model)
        return self.path / "model" if (self.path / "model").exists() else None

    def _repr_html_(self) -> str:
        from redheart_core.report.page import render_sections

        shown = render_sections(self.path, self._shown_model(None), ("summary", "epochs", "curves"))
        return Section(shown)._repr_html_()


@attrs.frozen
class Section:
    """A part of the report as a page of its own."""

    html: str = attrs.field(repr=False)

    def _repr_html_(self) -> str:
        from html import escape

        style = "width: 100%; height: 40em; border: 0"
        return f'<iframe srcdoc="{escape(self.html)}" style="{style}" sandbox></iframe>'


def open_run(path: str | Path) -> Run:
    """A run that was begun before.

    Raises:
        CheckpointError: There is none.
    """
    run = Run(find_path(path))
    require_run(run.path)
    return run
