"""manifest.json of a model folder: frozen value types of what a model holds and of the proof that it is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from redheart_core.config.tables import TrainSettings
from redheart_core.contract.errors import CheckpointError
from redheart_core.data.language import UNDETERMINED
from redheart_core.runs.description import DataDescription, LearntFrom, NodeDescription
from redheart_core.runs.origin import Origin
from redheart_core.storage.files import check_sha256, sha256
from redheart_core.storage.paths import file_inside
from redheart_core.storage.presence import require_model_folder
from redheart_core.storage.sealed import SealedFile
from redheart_core.storage.structuring import STORED_IF_SET

PARTS = ("encoder", "terms", "tokens")
"""Folders of a model that come from its store."""
CALIBRATION_FOLDER = "calibration"
"""Folder of a model with what the calibration split says of it; a model that was not calibrated has none."""
FOLDERS = (*PARTS, CALIBRATION_FOLDER)


@attrs.frozen
class WeightsFile:
    """A file of weights."""

    file: str
    """Its way from the model folder."""
    sha256: str
    shares: Mapping[str, float]
    """Checkpoint files of the run, with their shares of the weights."""


@attrs.frozen
class Measurement:
    """A figure on records that the model was not made from."""

    output: str
    """"node.output"."""
    metric: str
    field: str
    dataset: str
    split: str
    records: int
    value: float
    low: float | None
    """End of the 95 % interval over records; None if there is none."""
    high: float | None


@attrs.frozen
class ModelGroup:
    """A checkpoint group of a model."""

    tier: int
    nodes: tuple[str, ...]
    reads: tuple[str, ...] = ()
    """Groups whose outputs it reads."""
    languages: tuple[str, ...] = ()
    """Codes of the only languages that it answers; all if there are none."""
    files: tuple[WeightsFile, ...] = ()
    """One, or several that answer together; none of a group without parameters."""
    epoch: int | None = None
    """The epoch that was taken as it is; None for a blend and for a group without parameters."""
    averaged: bool = False
    """The weights are the moving average at the end of the epoch."""
    started: bool = attrs.field(default=False, metadata=STORED_IF_SET)
    """It began at the weights of a model, so that its epoch 0 answers as that model did, not as the baseline."""
    method: str = ""
    """How several epochs were made into one model; empty for one epoch as it is."""
    epochs: str = ""
    """For people; empty for a group without parameters."""
    validation_loss: float | None = None
    """As the run recorded it, or as the blend was evaluated; None for a group without parameters."""
    metrics: Mapping[str, float | None] = attrs.field(factory=dict)
    thresholds: Mapping[str, Sequence[float | None]] = attrs.field(factory=dict)
    """"node.output" to one threshold per label, chosen on validation."""
    untrained: tuple[str, ...] = ()
    """Parameters that have their initial values, as every text that the group was trained on has one chunk."""
    learnt_from: tuple[LearntFrom, ...] = ()
    measured: tuple[Measurement, ...] = ()
    """What redheart models pack found on the test split of each data set."""


@attrs.frozen
class LabelStatistics:
    """A label over the training records that have it."""

    mean: float | None
    """None if none has it."""
    std: float | None
    """Exactly 0 of a constant; None of fewer than two."""
    count: int

    def deviations(self, number: float) -> float | None:
        """How many standard deviations a number is above the mean; None if that is 0 or unknown."""
        return (number - self.mean) / self.std if self.mean is not None and self.std else None


@attrs.frozen
class ExactnessCheck:
    """A group's validation loss as recorded in the run and as the assembled model gives it."""

    group: str
    epoch: str
    """For people: the epoch, or the epochs of a blend."""
    recorded: float
    assembled: float

    @property
    def equal(self) -> bool:
        """To the last bit."""
        return self.recorded == self.assembled


@attrs.frozen
class AnswerSource:
    """A node that answers a field."""

    plugin: str
    output: str
    fused: bool
    """It gathers the answers of others."""
    loss: float | None
    """Mean over the validation records that it can answer, by redheart_core.nn.answer_losses; of a fusion by weights
    that have not seen the record. None where four fifths of the validation records are too few to learn these."""
    records: int
    """How many these are."""
    languages: Mapping[str, int]
    """Validation records that have the field and what the node needs, by the language that the data set states (ISO
    639, UNDETERMINED if it states none)."""

    def speaks(self, code: str | None) -> bool:
        """Whether it was measured on texts of a language; where a data set states none, on texts of any."""
        return UNDETERMINED in self.languages or code in self.languages


@attrs.frozen
class ModelManifest:
    """All that a model holds."""

    groups: Mapping[str, ModelGroup]
    missing: Mapping[str, str]
    """Groups of the run that a model of a part leaves out, with the reason; empty for a whole one."""
    nodes: Mapping[str, NodeDescription]
    training: TrainSettings
    data: DataDescription
    usable: tuple[str, ...]
    """Fields that some training and some validation records have."""
    statistics: Mapping[str, Mapping[str, LabelStatistics]]
    """Of every target by label."""
    files: Mapping[str, str]
    """Every file of PARTS and CALIBRATION_FOLDER, with its SHA-256."""
    run: str
    """The way from the model folder to its run; empty of a model that was packed for others."""
    origin: Origin | None
    """The command line that began the run, and the commit of the code."""
    answers: Mapping[str, tuple[AnswerSource, ...]]
    """Field to the nodes that answer it, the one first whose answer is that of the model."""
    checks: tuple[ExactnessCheck, ...]
    """The exactness check of every group that learns something, made before the model became visible."""


MODEL_MANIFEST = SealedFile(
    ModelManifest, "model", 9, "restore it from a copy, or assemble the model again with redheart crossover"
)


def read_manifest(folder: Path) -> ModelManifest:
    """The manifest of a model folder.

    Raises:
        CheckpointError: No model, a damaged one, one of another format, or one without its exactness check.
    """
    file = folder / "manifest.json"
    require_model_folder(folder)
    manifest = MODEL_MANIFEST.read(file)
    passed = {check.group: check for check in manifest.checks}
    unchecked = [
        name
        for name, group in manifest.groups.items()
        if group.validation_loss is not None
        and (name not in passed or not passed[name].equal or passed[name].recorded != group.validation_loss)
    ]
    if unchecked:
        raise CheckpointError(
            f"{file} holds no exactness check of {', '.join(unchecked)}; assemble the model again with "
            "redheart crossover"
        )
    return manifest


def manifest_sha256(folder: Path) -> str:
    """SHA-256 of the manifest of a model folder; as that names every file by its own, it stands for the model.

    Raises:
        CheckpointError: There is none.
    """
    require_model_folder(folder)
    return sha256(folder / "manifest.json")


def check_files(folder: Path, known: Mapping[str, str]) -> None:
    """Compare files inside a folder with their SHA-256.

    Raises:
        CheckpointError: A file is missing or damaged, or leads out of the folder.
    """
    for name, expected in known.items():
        check_sha256(file_inside(folder, name), expected)


def verify_files(folder: Path, manifest: ModelManifest, answering: Mapping[str, str] | None = None) -> None:
    """Compare every file of a model with its recorded SHA-256; there must be no others beside them.

    Args:
        folder: Of the model.
        manifest: Its manifest.
        answering: The files that its groups are computed from, with their SHA-256; the weights if left out.

    Raises:
        CheckpointError: A file is missing, damaged, unknown, or leads out of the folder.
    """
    weights = {one.file: one.sha256 for group in manifest.groups.values() for one in group.files}
    known = {**manifest.files, **(weights if answering is None else answering)}
    check_files(folder, known)
    found = (path for part in FOLDERS for path in (folder / part).rglob("*") if path.is_symlink() or not path.is_dir())
    unknown = sorted(name for path in found if (name := path.relative_to(folder).as_posix()) not in known)
    if unknown:
        raise CheckpointError(
            f"{folder} holds files that its manifest does not name: {', '.join(unknown[:5])}; remove them, or assemble "
            "the model again"
        )
