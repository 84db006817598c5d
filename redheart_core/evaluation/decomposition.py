"""Which analyzers of a run are redundant, unique or synergistic for a target: SURD over their outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from redheart_core.contract.errors import DataError
from redheart_core.exact.specific import MAX_SOURCES
from redheart_core.exact.surd import SampleCodes, state_shares
from redheart_core.exact.surd_sampling import SampledSurd, estimate
from redheart_core.groups.validation import evaluate, has_objective
from redheart_core.runs.run import RunFolder
from redheart_core.storage.runtime import stream_seed
from redheart_core.training.context import TrainingContext
from redheart_core.training.progress import load_fixed


@attrs.frozen(eq=False)
class Decomposition:
    """The information of some analyzers' outputs about a target, over the records of a split that have it."""

    target: str
    """"field" or "field.label"."""
    sources: tuple[str, ...]
    """"node.output" or "node.output.label", in the order in which the terms number them from 1."""
    bins: int
    """Quantile bins of every variable."""
    records: int
    surd: SampledSurd
    rows: tuple[int, ...]
    """The rows of the store that were evaluated."""
    shares: NDArray[np.float64]
    """(records, 4): synergistic, unique, redundant, leak of the state that the record's target is in; sum 1."""


def decompose_run(
    run: RunFolder,
    context: TrainingContext,
    target: str,
    sources: Sequence[str] = (),
    split: str = "train",
    bins: int = 4,
    resamples: int = 200,
) -> Decomposition:
    """Decompose a target into what the run's best epochs say of it.

    Args:
        run: A finished run.
        trainer: Over its data and plugins.
        target: "field", or "field.label" for one with labels.
        sources: Outputs that metrics evaluate; without any, those that are evaluated on the target's field.
        split: Whose records count. On "train" the analyzers have seen the targets.
        bins: Quantile bins of every variable.
        resamples: Of the bootstrap.

    Raises:
        DataError: No such target or source, none or too many sources, too few records.
    """
    rows = context.store.rows(split)
    outputs, evaluated = _outputs(run, context, split)
    field, label = _find_target(context, target)
    names = tuple(sources) or tuple(
        output if label is None else f"{output}.{label}" for output, learns in evaluated.items() if field in learns
    )
    if not 1 <= len(names) <= MAX_SOURCES:
        raise DataError(
            f"'{target}' can be decomposed into 1 to {MAX_SOURCES} sources, got {len(names)}; name them with --source "
            f"(outputs: {', '.join(evaluated)})"
        )
    columns = {name: _column(context, name, outputs, evaluated) for name in names}
    values = context.store.target(field)[rows].flatten(1) if label is not None else context.store.target(field)[rows]
    if label is not None:
        values = values[:, context.store.fields[field].elements.index(label)]
    present = ~values.isnan()
    x = np.stack([column[present].double().numpy() for column in columns.values()], axis=1)
    y = values[present].double().numpy()
    rng = np.random.default_rng(stream_seed(context.settings.seed, "decompose", target, *names))
    codes = SampleCodes.of(y, x, bins)
    return Decomposition(
        target=target,
        sources=names,
        bins=bins,
        records=len(y),
        surd=estimate(y, x, rng=rng, bins=bins, resamples=resamples),
        rows=tuple(rows[present].tolist()),
        shares=state_shares(codes),
    )


def _outputs(
    run: RunFolder, context: TrainingContext, split: str
) -> tuple[dict[str, Tensor], dict[str, dict[str, None]]]:
    """What the best epochs give for a split, and the fields on which each output is evaluated."""
    rows = context.store.rows(split)
    outputs: dict[str, Tensor] = {}
    evaluated: dict[str, dict[str, None]] = {}
    for group in context.groups:
        module = context.module(group)
        load_fixed(run, group, module)
        if has_objective(module):
            outputs |= evaluate(module, context.source, rows).predictions
        context.add_outputs(group, module, (split,), whole=True)
        for node, objective in module.objectives.items():
            for metric in (one for one in objective.metrics if one.shape is None):
                evaluated.setdefault(f"{node}.{metric.output}", {})[metric.target] = None
    return outputs, evaluated


def _find_target(context: TrainingContext, target: str) -> tuple[str, str | None]:
    name, _, label = target.partition(".")
    if name not in context.store.fields:
        raise DataError(f"the data set has no field '{name}' (fields: {', '.join(context.store.fields)})")
    field = context.store.fields[name]
    if not field.shape and not label:
        return name, None
    if label not in field.elements:
        known = ", ".join(f"{name}.{element}" for element in field.elements[:12])
        raise DataError(f"'{target}' is not one number; choose one of {known}")
    return name, label


def _column(
    context: TrainingContext, source: str, outputs: Mapping[str, Tensor], evaluated: Mapping[str, Mapping[str, None]]
) -> Tensor:
    """One number per record."""
    node, _, rest = source.partition(".")
    output, _, label = rest.partition(".")
    name = f"{node}.{output}"
    if name not in evaluated:
        raise DataError(f"no metric evaluates an output '{name}' (outputs: {', '.join(evaluated)})")
    field = context.store.fields[next(iter(evaluated[name]))]
    if not field.shape and not label:
        return outputs[name]
    if label not in field.elements:
        known = ", ".join(f"{name}.{element}" for element in field.elements[:12])
        raise DataError(f"source '{source}' is not one number; choose one of {known}")
    return outputs[name].flatten(1)[:, field.elements.index(label)]
