"""redheart analyze: a text to labelled numbers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redheart_cli.output import figure, print_json, print_table
from redheart_cli.run_options import json_option
from redheart_cli.session import open_model
from redheart_core import DataError
from redheart_core.data.text import check_text

if TYPE_CHECKING:
    from redheart_core.models.analysis import Finding, LabelValue


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("text", required=False)
@click.option("--file", type=click.Path(path_type=Path), help="Read one text from a file.")
@click.option("--jsonl", type=click.Path(path_type=Path, allow_dash=True),
              help="Read one JSON object with a 'text' per line, - for standard input; give one per line.")  # fmt: skip
@click.option("--device", default="cpu", show_default=True)
@json_option
def analyze(model: Path, text: str | None, file: Path | None, jsonl: Path | None, device: str, as_json: bool) -> None:
    """Analyze TEXT with MODEL; without TEXT, or with -, the text comes from standard input.

    Plugins that read more than a text (persons, a history, signals) take those fields from
    the objects of --jsonl, named as in the data set.

    Each number stands with its label, the plugin it comes from, and how many standard
    deviations it lies from the training mean.

    \b
    Examples:
      redheart analyze runs/village/model "I told my neighbour the truth about the fence."
      redheart analyze runs/village/model --jsonl posts.jsonl > findings.jsonl
    """
    if sum(source is not None for source in (text, file, jsonl)) > 1:
        raise click.UsageError("give one of TEXT, --file and --jsonl")
    if jsonl is not None:
        analyzer = Analyzer(model, device)
        refused = sum(not _print_line(analyzer, where, record) for where, record in _objects(jsonl))
        raise SystemExit(1 if refused else 0)
    source, content = _read(text, file)
    check_text(content, source)  # before the model is loaded, which takes seconds
    analyzer = Analyzer(model, device)
    findings = analyzer(content, source)
    analyzer.say_what_is_missing()
    if as_json:
        print_json(to_json(findings))
    else:
        print_findings(findings)


class Analyzer:
    """A loaded model with its encoder."""

    def __init__(self, folder: Path, device: str) -> None:
        from redheart_core.data.encoding import load_encoder

        registry, self.model = open_model(folder, device)
        spec, _ = registry.encoder(self.model.encoder_identity.name)
        self.encoder = load_encoder(spec, folder / "encoder", self.model.encoder_identity)

    def __call__(self, text: str, where: str, values: Mapping[str, object] | None = None) -> tuple[Finding, ...]:
        from redheart_core.models.analysis import analyze

        return analyze(self.model, self.encoder, text, where, values)

    def say_what_is_missing(self) -> None:
        """Tell people which plugins need more than a text."""
        for plugin, fields in self.model.lacking(()).items():
            click.echo(f"not analyzed by {plugin}: it reads {', '.join(fields)}; give them with --jsonl", err=True)


def print_findings(findings: tuple[Finding, ...]) -> None:
    """The findings as a table, one label a line."""
    print_table(
        ("task", "label", "value", "training mean", "deviations", "plugin", "epoch"),
        [
            (
                finding.field,
                value.label if value.label != finding.field else "",
                _shown(value),
                figure(value.training_mean, ".3f"),
                figure(value.deviations, "+.1f"),
                finding.plugin,
                "-" if finding.epoch is None else finding.epoch,
            )
            for finding in sorted(findings, key=lambda finding: finding.field)
            for value in finding.values
        ],
    )


def _shown(value: LabelValue) -> str:
    """The number, with the members' deviation if there are several, and whether a label of 0 or 1 is predicted."""
    apart = "" if value.disagreement is None else f" ± {value.disagreement:.3f}"
    verdict = ""
    if value.threshold is not None:
        verdict = f" {'yes' if value.value >= value.threshold else 'no'} (from {value.threshold:.2f})"
    return f"{value.value:.3f}{apart}{verdict}"


def to_json(findings: tuple[Finding, ...]) -> list[dict[str, Any]]:
    """The findings as JSON values."""
    import attrs

    return [attrs.asdict(finding) for finding in findings]


def _read(text: str | None, file: Path | None) -> tuple[str, str]:
    if file is not None:
        try:
            return file.name, file.read_text(encoding="utf-8")
        except OSError as error:
            raise DataError(f"{file}: cannot be read ({error.strerror})") from error
        except UnicodeDecodeError as error:
            raise DataError(f"{file}: not UTF-8 (byte {error.start}); save it as UTF-8") from error
    if text is None or text == "-":
        try:
            return "standard input", sys.stdin.buffer.read().decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"standard input: not UTF-8 (byte {error.start})") from error
    return "text", text


def _objects(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    from redheart_core.storage.jsonlines import read_objects

    return read_objects(Path("/dev/stdin") if str(path) == "-" else path)


def _print_line(analyzer: Analyzer, where: str, record: dict[str, object]) -> bool:
    """One JSON line for one record; a text that is refused gives its reason, and the next ones go on."""
    identity = {"id": record["id"]} if "id" in record else {}
    text = record.get("text")
    try:
        if not isinstance(text, str):
            raise DataError(f"{where}: expects a 'text', got {type(text).__name__}")
        fields = analyzer.model.read_fields
        values = {name: value for name, value in record.items() if name in fields and value is not None}
        line = {**identity, "findings": to_json(analyzer(text, where, values))}
        lacking = analyzer.model.lacking(values)
        if lacking:
            line["not_analyzed"] = {plugin: f"lacks {', '.join(names)}" for plugin, names in lacking.items()}
    except DataError as error:
        print(json.dumps({**identity, "refused": str(error)}, ensure_ascii=False), flush=True)
        return False
    print(json.dumps(line, ensure_ascii=False), flush=True)
    return True
