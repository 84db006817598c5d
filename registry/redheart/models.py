"""An assembled model: what it answers, and how it does on the test split of its run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import attrs

from redheart.analysis import Analysis
from redheart.analyzing import WINDOW, Refused, Text, analyze_records, in_windows, read_record
from redheart.crisis import Safety
from redheart.reasons import Explanation, explain_analysis
from redheart.sessions import run_of_model
from redheart.threads import keeping_threads
from redheart_core.storage.paths import find_path

if TYPE_CHECKING:
    from redheart.batches import BatchResult
    from redheart.decision import Decision
    from redheart.forecasting import Forecast
    from redheart.memory import Memory
    from redheart_core.data.encoding import TextEncoder
    from redheart_core.evaluation.results import Evaluation
    from redheart_core.memory.cases import Cases
    from redheart_core.models.manifest import ExactnessCheck
    from redheart_core.models.model import Model as Assembled

T = TypeVar("T", bound=Text)


@attrs.frozen(eq=False)
class Model:
    """A model folder, loaded and verified."""

    folder: Path
    assembled: Assembled = attrs.field(repr=False)
    encoder: TextEncoder = attrs.field(repr=False)
    title: str
    """The folder, or name and package of an installed model."""
    safety: Safety = attrs.field(factory=Safety, repr=False)
    """Finds signs of a crisis in every text."""
    cases: Cases | None = attrs.field(default=None, repr=False)
    """Of the memory in which analyze looks up the nearest cases; Model.remembering names one."""

    broken: tuple[str, ...] = ()
    """Why other installed models cannot be used, where none was named, and installed layers that it does without."""

    @property
    def checks(self) -> tuple[ExactnessCheck, ...]:
        """Of each group the validation loss as recorded and as the assembled model gave it."""
        return self.assembled.manifest.checks

    @property
    def missing(self) -> Mapping[str, str]:
        """Groups of the run that a model of a part leaves out, with the reason; empty for a whole one."""
        return self.assembled.missing

    @property
    def absent(self) -> Mapping[str, str]:
        """Groups that cannot answer on this machine, as files of others are not installed, with the reason."""
        return self.assembled.absent

    @property
    def limit_texts_wanted(self) -> int | None:
        """How many calibration texts it would take to know which texts are unlike the training data, where they were
        too few and the model answers every text; None where they were enough."""
        from redheart_core.models.limits import texts_wanted

        return texts_wanted(self.assembled.limits)

    @property
    def read_fields(self) -> tuple[str, ...]:
        """Fields of a record that some plugin reads beside the text."""
        return self.assembled.read_fields

    @property
    def reads_texts(self) -> bool:
        """Whether it answers texts; one that was trained on records without texts answers records of fields."""
        return bool(self.assembled.encoder_identity.parts)

    @contextmanager
    def remembering(self, memory: Memory | str | Path) -> Iterator[Model]:
        """The same model, which looks up the nearest cases of a memory; a memory that is named by its place is closed.

        Args:
            memory: As redheart.memory.open gives it, or its file or address.

        Raises:
            CaseMemoryError: There is no memory, or it is of another encoder than the model's.
        """
        from redheart.memory import Memory
        from redheart.memory import open as open_memory
        from redheart_core.memory.cases import require_identity

        if isinstance(memory, Memory):
            require_identity(memory.cases.identity, self.assembled.encoder_identity, memory.where)
            yield attrs.evolve(self, cases=memory.cases)
            return
        with open_memory(memory, self) as opened:
            yield attrs.evolve(self, cases=opened.cases)

    @overload
    def analyze(
        self, given: Text, *, language: str | None = None, memory: Memory | str | Path | None = None
    ) -> Analysis: ...

    @overload
    def analyze(
        self,
        given: list[T] | tuple[T, ...],
        *,
        language: str | None = None,
        memory: Memory | str | Path | None = None,
    ) -> list[Analysis]: ...

    @overload
    def analyze(
        self, given: Iterator[T], *, language: str | None = None, memory: Memory | str | Path | None = None
    ) -> Iterator[Analysis]: ...

    def analyze(
        self,
        given: Text | Iterable[Text],
        *,
        language: str | None = None,
        memory: Memory | str | Path | None = None,
    ) -> Analysis | list[Analysis] | Iterator[Analysis]:
        """What the model's plugins say of a text, of each in a list, or of each that an iterator gives, one by one.

        The texts of a list are encoded and answered together, which takes a fraction of the time. One that cannot be
        analyzed ends all of them; analyze_all gives the reason in its place.

        Args:
            given: Texts of 1 to 100,000 characters with at least one letter, or records.
            language: Code of the texts' language, such as "en"; that of a record which has a "language" is its own.
                Detected if neither says it.
            memory: Whose nearest cases stand beside the answers: as redheart.memory.open gives it, or its file or
                address. None looks nothing up.

        Raises:
            DataError: A text or value cannot be analyzed; the message names it by its place.
            CaseMemoryError: There is no such memory, or it is of another encoder.
        """
        if isinstance(given, str | Mapping):
            with nullcontext(self) if memory is None else self.remembering(memory) as model:
                return model.analyze_record(given, "text", language)
        together = 1 if isinstance(given, Iterator) else WINDOW
        answers = map(_accepted, self._answers(given, language, together, memory))
        return answers if isinstance(given, Iterator) else list(answers)

    def analyze_all(
        self, given: Iterable[Text], *, language: str | None = None, memory: Memory | str | Path | None = None
    ) -> list[Analysis | Refused]:
        """What the model's plugins say of each text, in their order; in the place of one that cannot be analyzed, why.

        As the command line and the server answer many texts: a Refused has the reason as `error`, which names the text
        by its place, and `help` for its writer where it has a sign of a crisis.

        Args:
            given: Texts or records, as analyze takes them.
            language: As for analyze.
            memory: As for analyze.

        Raises:
            CaseMemoryError: As analyze.
        """
        return list(self._answers(given, language, WINDOW, memory))

    def analyze_record(self, given: Text, where: str, language: str | None = None) -> Analysis:
        """The same of one text or record, which messages name by where it is from.

        Raises:
            DataError: The text or a value cannot be analyzed.
        """
        (found,) = analyze_records(self, [(where, given)], language)
        return _accepted(found)

    def _answers(
        self, given: Iterable[Text], language: str | None, together: int, memory: Memory | str | Path | None
    ) -> Iterator[Analysis | Refused]:
        named = ((f"text {number}", one) for number, one in enumerate(given, 1))
        with nullcontext(self) if memory is None else self.remembering(memory) as model:
            for window in in_windows(named, together):
                yield from analyze_records(model, window, language)

    def analyze_file(
        self,
        source: str | Path,
        output: str | Path,
        *,
        column: str | None = None,
        language: str | None = None,
        details: bool = False,
        progress: bool = True,
    ) -> BatchResult:
        """What the model says of each text of a file, a line each in another file.

        Memory does not grow with the file. What was stopped is resumed: call it again with the same arguments. A text
        that cannot be analyzed has a line with the reason. No text is kept in the output.

        Args:
            source: A .txt with one text a line, a .csv with a column of texts, or a .jsonl with records, as analyze
                takes them; each may be gzipped.
            output: A .jsonl with what Analysis.to_json gives, or a .csv with labels in words and values as numbers. The
                line and "id" of the input stand first.
            column: Of a .csv, the one that holds the texts; "text" if left out.
            language: As for analyze; a column or key "language" states that of one text.
            details: Whether what every plugin says is there; in a .csv, every number of the answers. Those that were
                measured on texts unlike the one of a row are there with details alone, and with a warning.
            progress: Whether progress is shown on stderr.

        Raises:
            DataError: A file cannot be read or has another form, or the output was made from something else.
            FileError: The output cannot be written, or another process writes to it.
        """
        from redheart.batches import analyze_file

        return analyze_file(
            self,
            find_path(source),
            find_path(output),
            column=column,
            language=language,
            details=details,
            progress=progress,
        )

    def explain(self, given: Text, *, language: str | None = None, where: str = "text") -> Explanation:
        """What analyze says of one text or record, and what its parts and the members of a fusion add to it.

        The parts are the text's sentences, or its words where it is one; of each number their contributions sum to its
        difference from the mean over the training records (Shapley values over all sets of parts).

        Args:
            given: As for analyze.
            language: As for analyze.
            where: Names the text in messages.

        Raises:
            DataError: The text or a value cannot be analyzed.
        """
        found = self.analyze_record(given, where, language)
        with keeping_threads(self.assembled.manifest.training.threads):
            return explain_analysis(self, found, read_record(self, given, where, language))

    def forecast(self, *files: str | Path) -> tuple[Forecast, ...]:
        """What comes next in every time series of some files, for a model that was trained on series.

        Args:
            *files: With the columns of the files that it was trained on. Rows behind the last number of a target or
                covariate say what is known of the steps ahead. None for a model of the sample of its data set.

        Raises:
            SettingsError: The model is of data that have no order in time, or of other files.
            DataError: A file cannot be used; the message names file and line.
        """
        from redheart.forecasting import forecast

        return forecast(self, files)

    def decide(
        self, given: Sequence[str] | Mapping[str, Any], *, preferences: Model | str | Path | None = None
    ) -> Decision:
        """Compare the acts of a dilemma: exact figures of what is given, what models say of the words, and an order.

        Args:
            given: Acts in words, or a table with "acts" as `redheart decide --help` describes it.
            preferences: The model that says which of two acts people find less ethical: one that is loaded, or a folder
                or name. By default this one if it does, else the installed one, and no such verdict if there is none.

        Raises:
            DataError: The dilemma is not whole; the message says everything that is wrong.
            PluginError: Several models of preferences are installed.
        """
        from redheart.deciding import PREFERENCES, decide_with
        from redheart.loading import installed_preferences, load_with

        if preferences is None and PREFERENCES not in self.assembled.manifest.answers:
            return decide_with(self, installed_preferences(self.safety), given)
        chosen = self if preferences is None else preferences
        return decide_with(self, chosen if isinstance(chosen, Model) else load_with(chosen, self.safety), given)

    def evaluate(self, run: str | Path | None = None, progress: bool = True) -> Evaluation:
        """The model on the test split of its run, beside every other way to make a model of the run's epochs.

        Args:
            run: Folder of the run, if it has moved.
            progress: Whether progress is shown on stderr.
        """
        from redheart.runs import Run

        return Run(run_of_model(self.folder) if run is None else find_path(run)).evaluate(
            self.folder, progress=progress
        )


def _accepted(found: Analysis | Refused) -> Analysis:
    if isinstance(found, Refused):
        raise found.error
    return found
