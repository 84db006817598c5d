"""An assembled model: what it answers, and how it does on the test split of its run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import attrs

from redheart.crisis import Safety, html_help, load_safety
from redheart.sessions import open_model, run_of_model
from redheart.threads import keeping_threads
from redheart_core.contract.errors import DataError, RedheartError
from redheart_core.storage.paths import find_path
from redheart_core.storage.presence import require_model_folder

if TYPE_CHECKING:
    from redheart_core.data.encoding import TextEncoder
    from redheart_core.data.language import Language
    from redheart_core.evaluation.results import Evaluation
    from redheart_core.models.abstaining import Abstention
    from redheart_core.models.analysis import Answer, Finding, LabelValue
    from redheart_core.models.manifest import ExactnessCheck
    from redheart_core.models.model import Model as Assembled
    from redheart_core.safety.help import Help
    from redheart_registry.models import ShippedModel

Text = str | Mapping[str, object]
"""A text, or a record: "text", and fields that plugins read beside it, named as in the data set."""
T = TypeVar("T", bound=Text)


@attrs.frozen
class Analysis:
    """What a model says of one text."""

    text: str
    language: Language
    """As it was stated or detected."""
    answers: tuple[Answer, ...]
    """One per field, fused ones first, by name."""
    abstentions: tuple[Abstention, ...]
    """Fields that the model answers for other texts, by name, each with the reason."""
    findings: tuple[Finding, ...]
    """Everything that the plugins say, from which the answers are made."""
    not_analyzed: Mapping[str, tuple[str, ...]]
    """Plugins that say nothing, and the fields that they read and the record does not have."""
    missing: Mapping[str, str] = attrs.field(factory=dict)
    """Groups of the run that the model leaves out, with the reason; empty for a whole model."""
    help: Help | None = None
    """For the person who wrote the text, if it has a sign of a crisis; it stands first everywhere. Where it is acute,
    nothing else is said of the text."""

    def answer(self, field: str) -> Answer:
        """The answer on a field.

        Raises:
            RedheartError: No plugin that could analyze the text answers it.
        """
        for answer in self.answers:
            if answer.field == field:
                return answer
        known = ", ".join(answer.field for answer in self.answers) or "none"
        raise RedheartError(f"the model has no answer on '{field}' here (fields that it answers: {known})")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is known against some of the numbers; each finding says it of its own."""
        return tuple(dict.fromkeys(finding.warning for finding in self.findings if finding.warning))

    def to_json(self) -> dict[str, Any]:
        """As JSON values: the answers, each naming its members, and all findings."""
        return {
            "help": None if self.help is None else self.help.to_json(),
            "language": {
                "code": self.language.code,
                "probability": self.language.probability,
                "stated": self.language.stated,
            },
            "answers": [
                {
                    "field": answer.field,
                    "plugin": answer.finding.plugin,
                    "output": answer.finding.output,
                    "fused": answer.fused,
                    "unit": answer.finding.unit,
                    "warning": answer.finding.warning,
                    "values": [attrs.asdict(value) for value in answer.values],
                    "members": [f"{finding.plugin}.{finding.output}" for finding in answer.members],
                }
                for answer in self.answers
            ],
            "abstentions": [
                {"field": one.field, "reason": one.reason, "remedy": one.remedy} for one in self.abstentions
            ],
            "findings": [attrs.asdict(finding) for finding in self.findings],
            "not_analyzed": {plugin: list(fields) for plugin, fields in self.not_analyzed.items()},
            "missing": dict(self.missing),
        }

    def rows(self) -> Iterator[tuple[str, ...]]:
        """The answers for people, one row per label, with COLUMNS as heads."""
        for answer in self.answers:
            for value in answer.values:
                yield (*_cells(answer.field, answer.finding.unit, value), answer.origin)

    def details(self) -> Iterator[tuple[str, ...]]:
        """All findings for people, by task, with DETAILS as heads."""
        for finding in sorted(self.findings, key=lambda finding: finding.field):
            for value in finding.values:
                yield (
                    *_cells(finding.field, finding.unit, value),
                    finding.plugin,
                    "-" if finding.epoch is None else str(finding.epoch),
                )

    def _repr_html_(self) -> str:
        from redheart_core.storage.html_table import html_table

        first = "" if self.help is None else html_help(self.help)
        return first + html_table(COLUMNS, list(self.rows()), "; ".join((self.text, *self.warnings)))


def _cells(field: str, unit: str, value: LabelValue) -> tuple[str, str, str, str, str]:
    """Task, label, value, training mean and deviations."""
    return (
        field,
        value.label if value.label != field else "",
        _shown(value, unit),
        "-" if value.training_mean is None else f"{value.training_mean:.3f}",
        "-" if value.deviations is None else f"{value.deviations:+.1f}",
    )


def _shown(value: LabelValue, unit: str) -> str:
    """The number with its unit, the deviation of the members, and whether a label of 0 or 1 is predicted."""
    apart = "" if value.disagreement is None else f" ± {value.disagreement:.3f}"
    verdict = ""
    if value.threshold is not None:
        verdict = f" {'yes' if value.value >= value.threshold else 'no'} (from {value.threshold:.2f})"
    return f"{value.value:.3f}{apart}{'' if unit == '1' else f' {unit}'}{verdict}"


COLUMNS = ("task", "label", "value", "training mean", "deviations", "answered by")
"""Heads of Analysis.rows."""
DETAILS = ("task", "label", "value", "training mean", "deviations", "plugin", "epoch")
"""Heads of Analysis.details."""


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

    @property
    def checks(self) -> tuple[ExactnessCheck, ...]:
        """Of each group the validation loss as recorded and as the assembled model gave it."""
        return self.assembled.manifest.checks

    @property
    def missing(self) -> Mapping[str, str]:
        """Groups of the run that a model of a part leaves out, with the reason; empty for a whole one."""
        return self.assembled.missing

    @property
    def read_fields(self) -> tuple[str, ...]:
        """Fields of a record that some plugin reads beside the text."""
        return self.assembled.read_fields

    @overload
    def analyze(self, given: Text, *, language: str | None = None) -> Analysis: ...

    @overload
    def analyze(self, given: list[T] | tuple[T, ...], *, language: str | None = None) -> list[Analysis]: ...

    @overload
    def analyze(self, given: Iterator[T], *, language: str | None = None) -> Iterator[Analysis]: ...

    def analyze(
        self, given: Text | Iterable[Text], *, language: str | None = None
    ) -> Analysis | list[Analysis] | Iterator[Analysis]:
        """What the model's plugins say of a text, of each in a list, or of each that an iterator gives, one by one.

        Args:
            given: Texts of 1 to 100,000 characters with at least one letter, or records.
            language: Code of the texts' language, such as "en"; that of a record which has a "language" is its own.
                Detected if neither says it.

        Raises:
            DataError: A text or value cannot be analyzed; the message names it by its place.
        """
        if isinstance(given, str | Mapping):
            return self.analyze_record(given, "text", language)
        answers = (self.analyze_record(one, f"text {number}", language) for number, one in enumerate(given, 1))
        return answers if isinstance(given, Iterator) else list(answers)

    def analyze_record(self, given: Text, where: str, language: str | None = None) -> Analysis:
        """The same of one text or record, which messages name by where it is from.

        Raises:
            DataError: The text or a value cannot be analyzed.
        """
        from redheart_core.data.language import detect, stated
        from redheart_core.data.text import check_text
        from redheart_core.models.abstaining import abstentions, silences
        from redheart_core.models.analysis import analyze, answer_fields

        text = given.get("text") if isinstance(given, Mapping) else given
        if not isinstance(text, str):
            raise DataError(f"{where}: expects a 'text', got {type(text).__name__}")
        record = given if isinstance(given, Mapping) else {}
        values = {name: record[name] for name in self.read_fields if record.get(name) is not None}
        code = record.get("language", language)
        found = self.safety.help_for(text)
        model, checked = self.assembled, check_text(text, where)
        spoken = detect(checked, model.languages) if code is None else stated(code, where)
        if found is not None and found.acute:
            return Analysis(text, spoken, (), (), (), {}, self.missing, found)
        with keeping_threads(model.manifest.training.threads):
            findings = analyze(model, self.encoder, text, where, values, spoken)
        missing = model.missing_fields(values)
        silent = abstentions(model, silences(model, spoken, missing))
        return Analysis(text, spoken, answer_fields(model, findings), silent, findings, missing, self.missing, found)

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


def load(model: str | Path | None = None, *, device: str = "cpu", country: str | None = None) -> Model:
    """Load an assembled model; every file is verified.

    Args:
        model: A folder that `redheart crossover` or Run.assemble made, or the name of an installed model. The installed
            model if left out; Model.title says which.
        device: Where to compute: cpu, cuda, cuda:1, ...
        country: Whose helplines a person in crisis is given, such as "KR"; by default that under [analysis] in
            plugins.toml, or the one where the text's language is mostly spoken.

    Raises:
        SettingsError: The country is no code of two letters.
        PluginError: No model is named, and none is installed or several are; or a package of signs is broken.
        CheckpointError: There is no model, a file is missing or damaged, or plugins are others than it was made with.
    """
    safety = load_safety(country)
    folder, title = find_model(model)
    require_model_folder(folder)
    from redheart_core.data.encoding import load_encoder

    with keeping_threads():
        registry, assembled = open_model(folder, device)
        specs = [registry.encoder(name)[0] for name in assembled.encoder_identity.names]
        encoder = load_encoder(specs, folder / "encoder", assembled.encoder_identity)
        return Model(folder, assembled, encoder, title, safety)


def find_model(model: str | Path | None) -> tuple[Path, str]:
    """The folder of a model and what it is called, as load finds it.

    Raises:
        PluginError: No model is named, and none is installed or several are.
        CheckpointError: A package does not hold the folder that it declares.
    """
    shipped = shipped_model(model)
    if shipped is not None:
        return shipped.folder, shipped.title
    folder = find_path(model or "")
    return folder, str(folder)


def shipped_model(model: str | Path | None) -> ShippedModel | None:
    """The installed model that load takes; None of a folder.

    Raises:
        PluginError: No model is named, and none is installed or several are.
        CheckpointError: A package does not hold the folder that it declares.
    """
    from redheart_registry import models

    if model is None:
        return models.default_model()
    if find_path(model).exists() or not models.is_model_name(str(model)):
        return None
    return models.find_model(str(model))
