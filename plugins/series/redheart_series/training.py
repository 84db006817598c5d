"""What the two forecasts are fitted to."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types
from torch import Tensor, nn

from redheart_core import BuildContext, DataError, Objective, SettingsError
from redheart_core.contract.fitting import FitData, FitPart
from redheart_core.nn.forecasts import forecast_objective
from redheart_series.model import Naive, Ridge
from redheart_series.settings import NaiveSettings, RidgeSettings

Numbers = NDArray[np.float64]


def objective(context: BuildContext) -> Objective:
    """How a forecast is evaluated."""
    return forecast_objective(context.fields["next"])


def build_naive(context: BuildContext) -> Naive:
    """The module, of as many steps as the data set has."""
    settings, field = context.settings, context.fields["next"]
    assert isinstance(settings, NaiveSettings)
    length = context.inputs["past"][0]
    assert isinstance(length, int)
    if settings.season > length:
        raise SettingsError(
            f"season = {settings.season}, and windows have {length} steps of the past; set a smaller season, or a "
            "larger context of the windows"
        )
    return Naive(field.axes[0], field.mean, settings.season)


def fit_naive(module: nn.Module, data: FitData) -> dict[str, Tensor]:
    """Set the season; every answer is honest, as all but the season is the window's own.

    Raises:
        DataError: No training window has a target.
    """
    assert isinstance(module, Naive)
    past, target = data.train.field("past"), data.train.field("next")
    best = module.wanted or int(np.argmin([_error(module, past, target, s) for s in range(1, past.shape[1] + 1)])) + 1
    with torch.no_grad():
        module.season.fill_(best)
    return {"next": module.forecast(past, best)}


def _error(module: Naive, past: Tensor, target: Tensor, season: int) -> float:
    """Mean absolute error on windows, each label in its standard deviations over them."""
    errors = (module.forecast(past, season).double() - target.double()).abs()
    mean = float((errors / _spread(target)).nanmean())
    if np.isnan(mean):
        raise DataError("no training window has a number in 'next', so that no season can be chosen")
    return mean


def _spread(target: Tensor) -> Tensor:
    """(K,) the mean absolute deviation of each label, 1 for a constant."""
    numbers = target.double()
    spread = (numbers - numbers.nanmean((0, 1))).abs().nanmean((0, 1))
    return torch.where(spread > 0, spread, 1.0)


def build_ridge(context: BuildContext) -> Ridge:
    """The module, of the steps and channels that the data set has."""
    past, target = context.fields["past"], context.fields["next"]
    known = context.fields.get("known")
    scales = (known.mean, known.std) if known is not None else ((), ())
    settings = context.settings
    assert isinstance(settings, RidgeSettings)
    return Ridge(
        past.axes[0], target.axes[0], past.mean, past.std, len(target.labels), scales, penalties=settings.penalties
    )


def fit_ridge(module: nn.Module, data: FitData) -> dict[str, Tensor]:
    """Fit every step and target by itself, with the penalty of the least squared leave-one-out error.

    Returns:
        Leave-one-out answers. Windows overlap, so that they flatter a little: a window next to it has seen most of it.

    Raises:
        DataError: Fewer than two training windows have some step of `next`.
    """
    assert isinstance(module, Ridge)
    x, y = _features(module, data.train), _targets(module, data.train)
    honest = np.full(y.shape, np.nan)
    present = ~np.isnan(y)
    with threadpool_limits(1), torch.no_grad():  # sums split over another number of threads round differently
        for pattern in np.unique(present, axis=1).T:
            columns = np.flatnonzero((present == pattern[:, None]).all(0))
            if pattern.sum() < 2:
                raise DataError(
                    f"{int(pattern.sum())} training windows have step {int(columns[0]) // module.size + 1} of 'next', "
                    "and a regression needs two; give more rows, or leave series_ridge out"
                )
            coefficients, own = ridge_by_leaving_out(x, y[:, columns], pattern, module.penalties)
            module.weight[:, columns] = torch.from_numpy(coefficients[:-1]).float()
            module.bias[columns] = torch.from_numpy(coefficients[-1]).float()
            honest[:, columns] = own
        past = data.train.field("past")
        return {"next": module.in_units(past.double(), torch.from_numpy(honest)).float()}


def ridge_by_leaving_out(
    x: Numbers, y: Numbers, rows: NDArray[np.bool_], penalties: tuple[float, ...]
) -> tuple[Numbers, Numbers]:
    """Ridge regression (Hoerl and Kennard 1970) with an intercept, the penalty of each column by leave-one-out error
    in closed form (Allen 1974, PRESS).

    Args:
        x: (N, D).
        y: (N, P).
        rows: (N,) which of them count, two or more.
        penalties: Above 0.

    Returns:
        (D + 1, P), the last row the intercept, and (N, P): what is said of each row, by the others of those that count.
    """
    held, target = x[rows], y[rows]
    centre, level = held.mean(0), target.mean(0)
    values, vectors = np.linalg.eigh((held - centre).T @ (held - centre))
    values = values.clip(min=0.0)
    turned = (held - centre) @ vectors
    moments = turned.T @ (target - level)
    best = np.full(y.shape[1], np.inf)
    coefficients, left_out = np.zeros((x.shape[1] + 1, y.shape[1])), np.zeros(target.shape)
    for penalty in penalties:
        found = moments / (values + penalty)[:, None]
        leverage = 1.0 / len(held) + (turned**2 / (values + penalty)).sum(1)
        errors = (target - level - turned @ found) / (1.0 - leverage).clip(min=1e-12)[:, None]
        mean = (errors**2).mean(0)
        better = mean < best
        best[better] = mean[better]
        weights = vectors @ found
        coefficients[:-1, better] = weights[:, better]
        coefficients[-1, better] = (level - centre @ weights)[better]
        left_out[:, better] = (target - errors)[:, better]
    said = x @ coefficients[:-1] + coefficients[-1]
    said[rows] = left_out
    return coefficients, said


def _features(module: Ridge, part: FitPart) -> Numbers:
    known = part.field("known") if len(module.known_means) else None
    found: Numbers = module.features(part.field("past"), known).double().numpy()
    return found


def _targets(module: Ridge, part: FitPart) -> Numbers:
    """(N, H * K) in standard deviations from the last value, NaN where missing."""
    last = module.last(part.field("past")).double().unsqueeze(1)
    scaled = (part.field("next").double() - last) / module.stds[: module.size].double()
    found: Numbers = scaled.flatten(1).numpy()
    return found
