"""The test split: the assembled model beside what a user would do instead, and beside no model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from redheart_core.contract.errors import DataError, join_complaints
from redheart_core.evaluation.diagnostics import ENSEMBLES
from redheart_core.evaluation.evaluator import Evaluator, Overall
from redheart_core.evaluation.results import Evaluation
from redheart_core.evaluation.variants import REFERENCE, Predicted, Predictor, variant_picks
from redheart_core.exact.bootstrap import interval
from redheart_core.exact.interval import Interval
from redheart_core.inspection.baselines import BASELINES
from redheart_core.runs.readings import count_reading
from redheart_core.runs.run import RunFolder
from redheart_core.selection.methods import METHODS, Method
from redheart_core.selection.picks import Pick
from redheart_core.selection.rivals import RIVALS, compare_methods
from redheart_core.selection.sweetspot import Sweetspot
from redheart_core.training.context import TrainingContext

Progress = Callable[[str, int, int], None]


def evaluate_test(
    run: RunFolder,
    context: TrainingContext,
    sweetspot: Sweetspot,
    model: Mapping[str, Pick],
    progress: Progress | None = None,
) -> Evaluation:
    """What evaluate_with_draws gives, without the resamples."""
    return evaluate_with_draws(run, context, sweetspot, model, progress)[0]


def evaluate_with_draws(
    run: RunFolder,
    context: TrainingContext,
    sweetspot: Sweetspot,
    model: Mapping[str, Pick],
    progress: Progress | None = None,
    counted: Collection[str] | None = None,
    methods: Mapping[str, Method] = METHODS,
) -> tuple[Evaluation, dict[str, Overall]]:
    """Evaluate every way to make a model of the run's epochs on the test split, with intervals.

    Each variant's choices and thresholds come from validation. Differences are paired: all variants are evaluated on
    the same resamples of the test records.

    Args:
        run: The run.
        trainer: Its trainer.
        sweetspot: The choices of all groups.
        model: What the model that is evaluated took of each group.
        progress: Called now and then.
        counted: Nodes that the means go over; all that are evaluated if left out.
        methods: Ways to make a model that are tried.

    Returns:
        The evaluation, and the means as "skill" and "points". Resamples depend on the number of test records
        alone, so that runs of several seeds can be compared on the same ones.

    Raises:
        DataError: There is no test split, or the plugins of every group fail on it; those of some are in
            Evaluation.stopped.
        CheckpointError: An epoch that a variant needs was removed by retention or is damaged.
    """
    rows = context.store.filled("test")
    stopped: dict[str, str] = {}
    rivals, pools = compare_methods(run, context, progress, methods, stopped)
    if stopped and not rivals.table:
        raise _nothing(stopped)
    RIVALS.write(run.path / "rivals.json", rivals)
    variants = list(variant_picks(rivals, pools, sweetspot, model, stopped))
    reads = count_reading(run.path)
    predicted: dict[str, Predicted] = {}
    predictor = Predictor(context, pools, "test", stopped)
    for number, (name, picks) in enumerate(variants):
        if progress:
            progress("evaluate", number, len(variants))
        predicted[name] = predictor.predict(picks)
    spreads = {name: predicted[name].spreads for name in ENSEMBLES if name in predicted}
    modules = {group.name: context.module(group) for group in context.groups if group.name not in stopped}
    evaluator = Evaluator(context, modules, predicted, rows)
    tables = evaluator.tables()
    stopped |= evaluator.stopped
    if stopped and not tables:
        raise _nothing(stopped)
    names = (*predicted, *(BASELINES if context.store.has_texts else BASELINES[:1]))
    skill, points = (evaluator.overall(names, kind, counted) for kind in ("skill", "points"))
    none = Interval.undefined("no module has a main metric with a skill for every variant")
    evaluation = Evaluation(
        variants=names,
        tables=tables,
        losses={
            name: {group: result.loss for group, result in one.results.items() if group not in stopped}
            for name, one in predicted.items()
        },
        skill={name: interval(*skill[name]) if skill else none for name in names},
        skill_gains=_gains(skill) if skill else dict.fromkeys(names, none),
        points={name: interval(value, draws) for name, (value, draws) in points.items()},
        point_gains=_gains(points),
        best_method=rivals.best_method,
        refits={name: dict(one.refits) for name, one in predicted.items()},
        test_records=len(rows),
        test_reads=reads,
        diagnostics=tuple(evaluator.diagnoses(spreads)),
        left_out=evaluator.left_out(),
        stopped=stopped,
    )
    return evaluation, {"skill": skill, "points": points}


def _nothing(stopped: Mapping[str, str]) -> DataError:
    return DataError(join_complaints("no group can be evaluated:", [f"{name}: {why}" for name, why in stopped.items()]))


def _gains(overall: Overall) -> dict[str, Interval]:
    """Value and draws of each variant to its paired difference from the reference."""
    if not overall:
        return {}
    base, base_draws = overall[REFERENCE]
    return {name: interval(value - base, draws - base_draws) for name, (value, draws) in overall.items()}
