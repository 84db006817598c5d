"""What a member is fitted to."""

from __future__ import annotations

import numpy as np
import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types
from torch import Tensor, nn

from redheart_committees.model import Member, finish_raw, raw_numbers
from redheart_committees.ridge import Matrix, Regressions
from redheart_committees.settings import MemberSettings
from redheart_committees.steps import Aim, Kind, middle
from redheart_core import BuildContext, Field
from redheart_core.contract.fitting import FitData, FitPart
from redheart_core.nn.answers import as_shares, is_values, size_of, text_fields


def build(context: BuildContext) -> Member:
    """A correction for each field that the data set has, or that the node below answers."""
    settings, fields = context.settings, text_fields(context)
    assert isinstance(settings, MemberSettings)
    below = {name: given[0] for name in fields if (given := context.gathered(name))}
    return Member(context.input_width("embedding"), settings.features, list(fields.values()), below)


def fit(module: nn.Module, data: FitData) -> dict[str, Tensor]:
    """Fit what the start leaves, on a bootstrap sample unless the member starts from a lower node.

    Returns:
        Honest answers: those of fits without the record's cluster of near-duplicates, from honest answers of the lower
        node; out-of-bag for records outside the sample.
        One step for each field, or label of 0 or 1, and the constant are those of all records.
    """
    assert isinstance(module, Member)
    part, honest = data.train, dict[str, Tensor]()
    with threadpool_limits(1), torch.no_grad():  # sums split over another number of threads round differently
        embedding = part.embedding()
        module.features.standardise(embedding)
        phi = module.features(embedding).numpy()
        clusters = part.clusters()
        counts = np.ones(len(phi)) if module.below else bootstrap(clusters, int(module.seed))
        regressions = Regressions(phi, counts, clusters.numpy())
        for field in module.fields:
            honest |= _fit_field(module, field, part, regressions)
    return honest


def bootstrap(clusters: Tensor, seed: int) -> Matrix:
    """How often each record is drawn, with its cluster: C clusters of C with replacement (Efron 1979).

    Args:
        clusters: (N,) numbers 0..C-1.
        seed: Of the draw.
    """
    count = int(clusters.max()) + 1
    drawn = torch.randint(count, (count,), generator=torch.Generator().manual_seed(seed))
    return torch.bincount(drawn, minlength=count)[clusters].double().numpy()


def aim_of(field: Field, part: FitPart) -> Aim:
    """The targets of a field; counts become shares, of records with at least one."""
    targets = as_shares(field, part.field(field.name).double()).numpy().reshape(len(part), size_of(field))
    kind: Kind = "values" if is_values(field) else "labels" if field.binary else "shares"
    if kind == "values":
        targets = (targets - field.low) / (field.high - field.low)
    return Aim(targets, kind)


def _fit_field(module: Member, field: Field, part: FitPart, regressions: Regressions) -> dict[str, Tensor]:
    """Set the correction of a field; its honest answers."""
    aim, correction = aim_of(field, part), module.correction(field)
    if field.name in module.below:
        raw = raw_numbers(field, part.output(module.below[field.name]).double()).numpy()
    else:
        start = middle(aim)
        correction.start.copy_(torch.from_numpy(start))
        raw = np.broadcast_to(start, aim.targets.shape)
    found = regressions.fit(aim.residual(raw))
    step = aim.step(raw, found.honest)
    correction.weight.copy_(torch.from_numpy(np.vstack([found.weight, found.bias, step])))
    answers = finish_raw(field, torch.from_numpy(raw + step * found.honest))
    known = torch.from_numpy(~np.isnan(aim.targets).all(1))
    return {name: _where(known, tensor.float()) for name, tensor in answers.items()}


def _where(rows: Tensor, answers: Tensor) -> Tensor:
    """The answers of some rows, NaN in the others, from which nothing was learnt."""
    return torch.where(rows.view(-1, *[1] * (answers.dim() - 1)), answers, torch.nan)
