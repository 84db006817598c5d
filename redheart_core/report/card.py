"""The model card (Mitchell et al. 2019): what a model answers, what it was learnt from, and what it is worth."""

from __future__ import annotations

from pathlib import Path

import jinja2

from redheart_core.data.language import UNDETERMINED, language_name
from redheart_core.models.calibration import read_calibration
from redheart_core.models.limits import LIMITS, LIMITS_FILE
from redheart_core.models.manifest import Measurement, ModelManifest, read_manifest


def model_card(folder: Path, title: str, meaning: str) -> str:
    """The card of a model folder, in Markdown.

    Args:
        folder: An assembled or packed model.
        title: What it is called.
        meaning: One sentence about it.

    Raises:
        CheckpointError: There is no model, or its manifest is damaged.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("redheart_core.report", "."),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # Markdown, from a sealed manifest
        keep_trailing_newline=True,
    )
    manifest = read_manifest(folder)
    limits = LIMITS.read(folder / LIMITS_FILE) if LIMITS_FILE in manifest.files else None
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return environment.get_template("card.md.j2").render(
        model=manifest,
        title=title,
        meaning=meaning,
        answers=[f"{field} ({languages})" for field, languages in answers_in_words(manifest).items()],
        fields=answered_fields(manifest),
        measured=measured(manifest),
        behind=measured(manifest, behind=True),
        splits=", ".join(f"{count:,} {name}" for name, count in manifest.data.splits.items() if count),
        megabytes=size / 1e6,
        calibration=read_calibration(folder, manifest.files),
        limits=limits,
        languages={code: _language(code) for code in (limits.beyond if limits else ())},
    )


def answers_in_words(manifest: ModelManifest) -> dict[str, str]:
    """The fields that a model answers, by name, each with the languages of the texts that it was measured on."""
    spoken = {field: {code for one in sources for code in one.languages} for field, sources in manifest.answers.items()}
    return {field: ", ".join(map(_language, sorted(codes))) for field, codes in sorted(spoken.items())}


def measured(manifest: ModelManifest, *, behind: bool = False) -> list[Measurement]:
    """The figures of a model's answers, by field and data set; or those of what stands behind a fused answer."""
    answering = {f"{sources[0].plugin}.{sources[0].output}" for sources in manifest.answers.values()}
    found = [one for group in manifest.groups.values() for one in group.measured]
    return sorted(
        (one for one in found if (one.output in answering) != behind),
        key=lambda one: (one.field, one.dataset, one.output),
    )


def _language(code: str) -> str:
    return "not stated" if code == UNDETERMINED else language_name(code)


def answered_fields(manifest: ModelManifest) -> dict[str, list[str]]:
    """The fields that each group answers."""
    return {
        name: sorted(
            field
            for field, sources in manifest.answers.items()
            if any(source.plugin in group.nodes for source in sources)
        )
        for name, group in manifest.groups.items()
    }
