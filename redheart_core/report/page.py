"""Renders what was collected as one HTML page."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from redheart_core.contract.errors import RedheartError
from redheart_core.evaluation.results import Evaluation
from redheart_core.exact.interval import Interval
from redheart_core.report import plots, plots_results, plots_training, tables, words
from redheart_core.report.calibration import calibration_parts
from redheart_core.report.collect import collect
from redheart_core.report.contents import Contents
from redheart_core.selection.names import NAMES
from redheart_core.storage.files import write_bytes


def write_report(run: Path, output: Path, model: Path | None = None) -> None:
    """Write one HTML file that shows a run, with all it needs inside.

    Args:
        run: The run's folder; sections whose figures a later command makes say which.
        output: The file; replaced whole or not at all.
        model: The folder of a model that was assembled from the run.

    Raises:
        CheckpointError: The run is missing or damaged, or the model is not of this run.
        StoreError: The store's index is damaged or of other data.
        FileError: The file cannot be written.
    """
    write_bytes(output, render(collect(run, model)).encode())


SECTIONS = (
    *(
        "summary",
        "epochs",
        "curves",
        "rates",
        "methods",
        "test",
        "diagnostics",
        "calibration",
        "data",
        "parameters",
        "model",
    ),
    "settings",
)
"""Of the page, in order."""


def render_sections(run: Path, model: Path | None, sections: Sequence[str]) -> str:
    """Some sections of the page of a run as a page of their own, for a notebook.

    Raises:
        RedheartError: There is no such section, or as write_report.
    """
    if unknown := sorted(set(sections) - set(SECTIONS)):
        raise RedheartError(f"the report has no section {', '.join(unknown)} (sections: {', '.join(SECTIONS)})")
    return render(collect(run, model), sections)


def render(contents: Contents, sections: Sequence[str] = SECTIONS) -> str:
    """The page as text."""
    rows = tables.account_rows(contents.accounts or ())
    return (
        templates()
        .get_template("report.html.j2")
        .render(
            run=contents,
            sections=sections,
            all_sections=SECTIONS,
            title=f"redheart run {contents.path.resolve().name}",
            summary=words.summary(contents),
            source=sources(contents),
            excess=list(zip(plots.EXCESS_STEPS, plots.EXCESS_COLORS, strict=True)),
            **epoch_parts(contents),
            **training_parts(contents),
            **result_parts(contents.evaluation),
            **calibration_parts(contents.evaluation.calibrated if contents.evaluation else ()),
            accounts=rows,
            total=tables.total(rows),
        )
    )


@cache
def templates() -> jinja2.Environment:
    """The templates of the pages, with what they write numbers and names by; each is compiled once."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": words.number,
        "signed": words.signed,
        "integer": words.integer,
        "percent": words.percent,
        "duration": words.duration,
        "size": words.size,
        "plural": words.plural,
        "value": setting,
        "breakable": breakable,
        "interval": interval,
        "signed_interval": lambda figure: interval(figure, words.signed),
        "percent_interval": lambda figure: interval(figure, words.percent),
    }
    return environment


def sources(contents: Contents) -> Callable[[str], Markup]:
    """Writes the command that made some numbers, small and grey."""
    run = shlex.quote(str(contents.path))
    store = shlex.quote(str(contents.data.store_path))
    model = shlex.quote(str(contents.model_path)) if contents.model_path else "MODEL"
    commands = {
        "train": f"redheart train -o {run}",
        "sweep": f"redheart sweep -o {run}",
        "sweetspot": f"redheart sweetspot {run}",
        "compare": f"redheart crossover {run} --compare",
        "crossover": f"redheart crossover {run} -o {model}",
        "evaluate": f"redheart evaluate {model}",
        "prepare": f"redheart data prepare -o {store}",
        "inspect": f"redheart data inspect --store {store} -o {shlex.quote(str(contents.path / 'inspection.json'))}",
    }

    def source(*names: str) -> Markup:
        parts = Markup(", ").join(Markup("<code>{}</code>").format(commands[name]) for name in names)
        return Markup('<p class="source">{}</p>').format(parts)

    return source


def epoch_parts(contents: Contents) -> dict[str, object]:
    """What the page shows of epochs."""
    costs = tables.relative_costs(contents)
    return {
        "chosen": {group.name: group.epochs for group in contents.model or ()},
        "curves": {
            group.name: plots.learning_curves(group, contents.choices)
            for group in contents.trained
            if group.status != "fitted"
        },
        "heat_map": plots.heat_map(contents.trained, contents.choices) if contents.trained else None,
        "metrics": {group.name: tables.metric_rows(group, contents) for group in contents.trained},
        "detectors": NAMES,
        "cost_forest": plots_results.cost_forest(costs) if costs else None,
    }


def training_parts(contents: Contents) -> dict[str, object]:
    """What the page shows of learning rates and gradients."""
    settings = contents.settings
    return {
        "traces": {group.name: plots_training.traces(group, settings) for group in contents.traced},
        "deviation": max((plots_training.rate_deviation(group, settings) for group in contents.traced), default=0.0),
        "sweep_curves": {
            group.group: plots_training.sweep_curve(group)
            for group in (contents.sweep.groups if contents.sweep else ())
            if group.complete
        },
    }


def result_parts(evaluation: Evaluation | None) -> dict[str, object]:
    """What the page shows of the test split."""
    if evaluation is None:
        return {}
    variants, models = evaluation.variants, evaluation.models
    gains = {"mean skill": evaluation.skill_gains, "points": evaluation.point_gains}
    return {
        "comparisons": {table.metric: plots_results.comparison(table, variants, models) for table in evaluation.main},
        "beaten": words.beaten(evaluation),
        "main_variants": tables.shown_variants(evaluation),
        "forests": {
            title: plots_results.forest(
                {name: figure for name, figure in figures.items() if name in models and name != "common epoch"},
                models,
                ("crossover",),
                0.0,
                f"Gain in {title} over the best common epoch",
            )
            for title, figures in gains.items()
            if figures
        },
        "reliability": {
            one.metric: plots_results.reliability(one.reliability, one.metric)
            for one in evaluation.diagnostics
            if one.reliability
        },
        "confusion": {
            one.metric: plots_results.confusion(one.confusion, one.metric)
            for one in evaluation.diagnostics
            if one.confusion
        },
    }


def setting(value: object) -> str:
    """A setting's value for people, with all its digits; text stays as it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def breakable(name: str) -> Markup:
    """A name that may be broken into lines after its dots and underscores."""
    return Markup(re.sub(r"([._])(?=.)", r"\1<wbr>", str(escape(name))))


def interval(figure: Interval, write: Callable[[float | None], str] = words.number) -> Markup:
    """A figure with its interval, if it has one, on a line of its own."""
    if figure.low is None or figure.high is None:
        return Markup(write(figure.value))
    return Markup('{}<span class="interval">{} to {}</span>').format(
        write(figure.value), write(figure.low), write(figure.high)
    )
