"""Reads what redheart data inspect found about the data of a run."""

from __future__ import annotations

from pathlib import Path

from redheart_core.contract.errors import CheckpointError
from redheart_core.data.data_warning import DataWarning
from redheart_core.data.division import ClusterReport
from redheart_core.inspection.findings import DuplicateExample, Duplicates
from redheart_core.report.contents_data import FieldQuality, InspectionState
from redheart_core.storage.json_parts import Part


def read_inspection(file: Path, fingerprint: str) -> InspectionState | None:
    """The inspection of the run's data, None if there was none.

    Raises:
        CheckpointError: Damaged, or of other data than the run's.
    """
    if not file.exists():
        return None
    table = Part.read(file)
    found = table["fingerprint"].text()
    if found != fingerprint:
        raise CheckpointError(
            f"{file} is of other data than the run was trained on: fingerprint {found}, the run has {fingerprint}; "
            "run redheart data inspect again"
        )
    return InspectionState(
        fields=tuple(_read_field(part) for part in table["fields"].items()),
        duplicates=_read_duplicates(table["duplicates"]),
        warnings=tuple(
            DataWarning(**{key: part[key].text() for key in ("field", "what", "why", "remedy")})
            for part in table["warnings"].items()
        ),
    )


def _read_field(part: Part) -> FieldQuality:
    labels, votes = part["labels"].items(), part["votes"]
    entropies = [found for label in labels if (found := label["entropy"].number_or_none()) is not None]
    shares = [found for label in labels if (found := label["imbalance"].number_or_none()) is not None]
    grids = [label["grid"]["error"].number() for label in labels if label["grid"].value is not None]
    of_classes = part["class_entropy"].number_or_none()
    mean = sum(entropies) / len(entropies) if entropies else None
    floor, unit = (max(grids), "root mean squared error") if grids else (None, "")
    if votes.value is not None:
        floor, unit = votes["cross_entropy"].number(), "nats of soft cross-entropy"
    return FieldQuality(
        name=part["name"].text(),
        kind=part["kind"].text(),
        coverage=part["coverage"].integers(),
        entropy=mean if of_classes is None else of_classes,
        floor=floor,
        floor_unit=unit,
        noise=part["noise"].text(),
        rarest=min(shares, default=None),
        commonest=max(shares, default=None),
    )


def _read_duplicates(part: Part) -> Duplicates:
    counts = {key: part[key].integer() for key in ("sets", "records", "largest", "across", "leaking")}
    examples = (
        DuplicateExample(**{key: one[key].texts() for key in ("ids", "splits", "texts")})
        for one in part["examples"].items()
    )
    clusters = (
        ClusterReport(
            records=one["records"].integer(),
            splits=one["splits"].integers(),
            ids=one["ids"].texts(),
            example=one["example"].text(),
        )
        for one in part["clusters"].items()
    )
    return Duplicates(**counts, within=part["within"].integers(), examples=tuple(examples), clusters=tuple(clusters))
