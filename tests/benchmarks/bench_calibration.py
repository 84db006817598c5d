"""Whether intervals, sets, probabilities and silence hold, group by group of a run, without assembling it.

    python tests/benchmarks/bench_calibration.py RUN [--groups linear,linear_apart]

Every answer of the groups at their best epoch is calibrated on the calibration split and measured on the test split,
which is counted as a reading. Groups that read others need these named too. Wanted: no more labels outside than chance
puts there, a calibration error below .05, at most 10 % of a text's labels missed, and a mean loss of the surest that is
nowhere above that of all.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import attrs

from redheart.runs import Run
from redheart.sessions import Session
from redheart_core.evaluation.calibrated import CalibratedTask
from redheart_core.evaluation.calibration import task_of
from redheart_core.models.calibrating import Answered, answered, calibrate_answer, predict_split
from redheart_core.models.calibration import ALPHA
from redheart_core.models.kinds_fitting import fit_kinds, kinds_of
from redheart_core.models.manifest import AnswerSource
from redheart_core.runs.readings import count_reading
from redheart_core.storage.runtime import use_threads
from redheart_core.training.progress import load_fixed

HEAD = (
    "| answer | records | coverage | outside, of labels (by chance) | width or labels | missed together | "
    "error before, after | worst label (by chance) | loss of the surest 50 to 100 % | AURC | helps |\n"
    + "|---" * 11
    + "|"
)


def measured(session: Session, names: frozenset[str]) -> Iterator[CalibratedTask]:
    """Every answer of some groups, of all if none is named, in each language."""
    groups = tuple(group for group in session.context.groups if not names or group.name in names)
    context = attrs.evolve(session.context, groups=groups)
    modules, answers = {}, dict[str, dict[str, AnswerSource]]()
    for group in groups:
        module = modules[group.name] = context.module(group)
        load_fixed(session.run, group, module)
        for node, objective in module.objectives.items():
            for metric in objective.metrics:
                source = AnswerSource(node, metric.output, False, None, 0, {})
                answers.setdefault(metric.target, {})[f"{node}.{metric.output}"] = source
    listed = {field: tuple(sources.values()) for field, sources in answers.items()}
    splits = {split: predict_split(context, modules, listed, split) for split in ("calibration", "test")}
    known, store = fit_kinds(context.store), context.store
    kinds = {split: kinds_of(known, store, store.rows(split)) for split in splits}
    for name, sources in listed.items():
        for source in sources:
            given = {
                split: answered(context, modules, splits[split], source, name, split, kinds[split]) for split in splits
            }
            yield from _tasks(session, name, source, given)


def _tasks(
    session: Session, name: str, source: AnswerSource, given: dict[str, Answered | None]
) -> Iterator[CalibratedTask]:
    calibration, test = given["calibration"], given["test"]
    if calibration is None or test is None:
        return
    field = session.context.store.fields[name]
    found = calibrate_answer(field, source, calibration)
    for code in sorted(set(test.codes)):
        yield task_of(field, found, code, test.of(code), ALPHA)


def row(task: CalibratedTask) -> str:
    """A line of the table."""

    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.4f}"

    together, worst = task.together, task.worst_label
    cells = (
        f"{task.field} {task.plugin} {task.language}",
        str(task.records),
        number(task.coverage),
        f"{', '.join(task.outside) or 'none'} of {len(task.cells)} ({task.outside_by_chance:.2f})",
        number(task.size),
        "" if together is None else f"{together.missed:.4f} ± {together.error or 0.0:.4f} with {together.size:.1f}",
        f"{number(task.error_before)} {number(task.error_after)}",
        "" if worst is None else f"{worst.label} {number(worst.error)} ({number(worst.by_chance)})",
        " ".join(number(risk) for risk in task.risks),
        number(task.area),
        "" if not task.risks else "yes" if task.silence_helps else "no",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--groups", default="", help="separated by commas; all if left out")
    given = parser.parse_args()
    session = Run(given.run).session
    use_threads(session.context.settings.threads)
    count_reading(session.run.path)
    print(HEAD)
    tasks = []
    for task in measured(session, frozenset(filter(None, given.groups.split(",")))):
        print(row(task), flush=True)
        tasks.append(task)
    outside, labels = sum(len(task.outside) for task in tasks), sum(len(task.cells) for task in tasks)
    print(f"{outside} of {labels} outside, {sum(task.outside_by_chance for task in tasks):.2f} by chance")


if __name__ == "__main__":
    main()
