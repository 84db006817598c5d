"""The report's sentences and the way it writes numbers."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from redheart_core.evaluation.results import Evaluation, MetricTable
from redheart_core.exact.interval import Interval
from redheart_core.report.contents import Contents, ModelGroup


def number(value: float | None) -> str:
    """Four significant digits; whole numbers from ten thousand on; a dash for what is undefined."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    size = abs(float(f"{value:.4g}"))
    if size >= 1e15 or size < 1e-4:
        return f"{value:.3e}"
    return f"{value:,.0f}" if size >= 1e4 else f"{value:#.4g}".rstrip(".")


def signed(value: float | None) -> str:
    """A difference: as number, with a sign."""
    return f"+{number(value)}" if value is not None and value > 0 else number(value)


def integer(value: int) -> str:
    """With commas between thousands."""
    return f"{value:,}"


def percent(share: float | None) -> str:
    """A share with two decimals, fewer where they say nothing; a dash for what is undefined."""
    if share is None:
        return "–"
    value = 100 * share
    return f"{value:.2f} %" if abs(value) < 10 else f"{value:.1f} %" if abs(value) < 1000 else f"{value:,.0f} %"


def duration(seconds: float) -> str:
    """Seconds, minutes or hours."""
    if seconds < 100:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def size(count: int) -> str:
    """Bytes for people."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} bytes"


def joined(words: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def plural(count: int, noun: str) -> str:
    """A number and what it counts."""
    return f"{integer(count)} {noun}" if count == 1 else f"{integer(count)} {noun}s"


def summary(contents: Contents) -> list[str]:
    """The run in a few plain sentences, each true of the figures below it."""
    sentences = [_what_ran(contents)]
    sentences += [
        f"Group '{group.name}' stopped after {plural(group.done, 'epoch')}: {group.reason}."
        for group in contents.unfinished
        if group.status == "stopped"
    ]
    running = [group for group in contents.unfinished if group.status == "running"]
    if running:
        names = joined([f"'{group.name}' ({group.done} epochs)" for group in running])
        sentences.append(f"The run is not finished: {names}; go on with redheart train --resume.")
    if contents.trained:
        sentences += [_which_epochs(contents), _common_epoch(contents)]
    if contents.left_out:
        names = joined([f"'{name}' ({reason})" for name, reason in contents.left_out.items()])
        sentences.append(
            f"The model is of a part: it leaves out {names}. Finish them with redheart train --resume -o "
            f"{shlex.quote(str(contents.path))}, then assemble the model again."
        )
    if contents.evaluation and contents.evaluation.missing:
        names = joined([f"'{name}'" for name in contents.evaluation.missing])
        sentences.append(f"The test figures are of a model without {names}.")
    if contents.evaluation:
        sentences += _evaluated(contents, contents.evaluation)
    sentences += (
        _on_test(contents.evaluation)
        if contents.evaluation
        else ["There are no test figures yet: redheart evaluate MODEL makes them."]
    )
    return sentences


def _evaluated(contents: Contents, evaluation: Evaluation) -> list[str]:
    """Which model the test figures are of, and of which groups there are none."""
    sentences = []
    if evaluation.model:
        name = f"the model in {evaluation.model} (manifest SHA-256 {evaluation.model_sha256[:12]})"
        if contents.model_path is None or contents.model_sha256 == evaluation.model_sha256:
            sentences.append(f"The test figures are of {name}.")
        else:
            sentences.append(
                f"The test figures are of another model than the one shown here: of {name}; redheart evaluate "
                f"{shlex.quote(str(contents.model_path))} makes those of this one."
            )
    return sentences + [
        f"Group '{group}' could not be evaluated on the test split: {reason}."
        for group, reason in evaluation.stopped.items()
    ]


def _what_ran(contents: Contents) -> str:
    used = ", ".join(f"{integer(contents.data.splits[name])} {name}" for name in contents.data.splits)
    most = max(group.settings.over(contents.settings).epochs for group in contents.groups)
    return (
        f"{plural(len(contents.groups), 'group')} with {plural(len(contents.nodes), 'module')} at scale "
        f"{contents.training['scale']}, up to {most} epochs each, on the data set "
        f"'{contents.data.dataset}' ({used} records)."
    )


def _which_epochs(contents: Contents) -> str:
    if contents.model:
        parts = [_what_is_in(group) for group in contents.model if group.epochs]
        return f"The model holds {joined(parts)}." if parts else "The model holds no group with weights."
    parts = [f"epoch {group.best.name} of {group.name}" for group in contents.trained]
    return f"Validation loss is lowest at {joined(parts)}."


def _what_is_in(group: ModelGroup) -> str:
    if group.method:
        return f"{group.name} by {group.method} ({group.epochs})"
    return f"epoch {group.epochs} of {group.name}"


def _common_epoch(contents: Contents) -> str:
    choices = contents.choices
    if choices is None:
        return "What one common epoch for all groups would cost is not known yet: redheart sweetspot RUN computes it."
    costs = {name: choice.cost for name, choice in choices.groups.items()}
    worst = max(costs, key=lambda name: costs[name])
    sentence = (
        f"One common epoch for all groups would be epoch {choices.common_epoch}, and its validation loss "
        f"{percent(choices.mean_cost)} above the groups' own best ones on average"
    )
    return f"{sentence}, {percent(costs[worst])} for {worst}." if costs[worst] > 0 else f"{sentence}."


def _on_test(evaluation: Evaluation) -> list[str]:
    skill = evaluation.skill
    if skill["crossover"].value is None:
        return [f"There is no mean skill on the test split: {skill['crossover'].reason}.", beaten(evaluation)]
    linear = f" (linear baseline {number(skill['linear'].value)})" if "linear" in skill else ""
    sentences = [
        f"On {plural(evaluation.test_records, 'test record')} the crossover reaches a mean skill of "
        f"{number(skill['crossover'].value)}{linear}; 0 is the constant predictor, 1 is perfect.",
        f"Its gain over the single best common epoch is {gain(evaluation.skill_gains['crossover'])}.",
    ]
    if evaluation.best_method != "selection":
        own = evaluation.skill_gains[evaluation.best_method]
        sentences.append(f"By {evaluation.best_method}, which validation alone prefers, the gain is {gain(own)}.")
    better, equal, worse = _compare(evaluation.main, "crossover", "common epoch")
    sentences.append(
        f"Against the best common epoch the crossover is better on {better}, equal on {equal} and worse on {worse} "
        f"of {plural(better + equal + worse, 'main metric')}."
    )
    return [*sentences, beaten(evaluation)]


def gain(figure: Interval) -> str:
    """A difference with its 95 % interval, and whether that holds 0."""
    if figure.value is None:
        return f"undefined ({figure.reason})"
    if figure.low is None or figure.high is None:
        return signed(figure.value)
    beyond = "beyond chance" if figure.is_above(0.0) or figure.is_below(0.0) else "within chance"
    return f"{signed(figure.value)}, 95 % interval {signed(figure.low)} to {signed(figure.high)}, {beyond}"


def beaten(evaluation: Evaluation) -> str:
    """Whether every group beats the constant predictor, and which does not."""
    failing: dict[str, list[str]] = {}
    for table in evaluation.main:
        if not table.beats_constant:
            failing.setdefault(table.group, []).append(table.metric)
    if not failing:
        return "Every group beats the constant predictor on all its main metrics, beyond the 95 % interval."
    groups = joined([f"{group} ({joined(metrics)})" for group, metrics in failing.items()])
    return f"Not better than the constant predictor beyond the 95 % interval: {groups}."


def _compare(tables: Sequence[MetricTable], first: str, second: str) -> tuple[int, int, int]:
    gains = []
    for table in tables:
        one, other = table.figures[first].value, table.figures[second].value
        if one is not None and other is not None:
            gains.append(one - other if table.direction == "max" else other - one)
    return sum(gain > 0 for gain in gains), sum(gain == 0 for gain in gains), sum(gain < 0 for gain in gains)
