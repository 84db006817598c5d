"""sequence_forecast and sequence_class beside the usual baselines, on generated series whose best answer is known.

Usage: python tests/benchmarks/bench_series.py [--seeds 3] [--steps 4000] [--epochs 30] [--systems NAME ...] [--classes]
It needs redheart[baselines].

For each system and seed one series is written as CSV, read by the data set `series` (30 steps of the past, 4 ahead,
split by time) and learnt by `redheart.train`; the epoch is chosen on validation windows. Figures are root mean squared
errors over the 4 steps of the test windows, relative to that of the best forecast of the system on the same windows:
1.00 is the best attainable. Others: persistence; seasonal naive (the system's season); exponential smoothing
(statsmodels, with additive season where there is one, parameters fitted to the training part); gradient boosting on the
lags (LightGBM, one model a step, stopped on validation windows); ridge on the lags (series_ridge).

--classes: which of five generated systems a window of 60 steps with observation noise is from, sequence_class beside
boosting and the exact Bayes classifier. The intervals are mean +- 1.96 standard errors over seeds.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from generated_series import SYSTEMS, Numbers, System, autocovariances, recursive, seasonal_weights
from scipy.linalg import toeplitz
from scipy.stats import multivariate_normal

import redheart
from redheart.runs import Run
from redheart_core.groups.validation import evaluate
from redheart_core.models.calibrating import Answered, calibrate_answer, outermost, quantiles_are_narrower
from redheart_core.models.certainty import intervals
from redheart_core.models.manifest import AnswerSource
from redheart_core.training.progress import load_fixed

try:
    import lightgbm
    from statsmodels.tsa.holtwinters import ExponentialSmoothing
except ImportError as error:
    raise SystemExit(
        f"{error.name} is not installed, and forecasts are compared with it; pip install 'redheart[baselines]'"
    ) from error

PAST, AHEAD = 30, 4
OBSERVED = 0.3
"""Standard deviation of the noise on the series of classes, whose own is 1."""
CLASSES: Mapping[str, dict[int, float]] = {
    "slow": {1: 0.95},
    "alternating": {1: -0.7},
    "cycle": {1: 1.6, 2: -0.9},
    "season": seasonal_weights(0.2, 0.9, 12),
    "echo": {5: 0.9},
}
WINDOW = 60


def write(file: Path, columns: Mapping[str, Sequence[object]]) -> None:
    """A CSV file with these columns."""
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def learn(folder: Path, node: str, seed: int, epochs: int, settings: Mapping[str, Any], scale: str) -> Run:
    """A finished training on folder/series.csv."""
    files = [str(folder / "series.csv")]
    chosen = {"series.files": files, "training.threads": 1, **settings}
    return redheart.train(
        "series",
        output=folder / "run",
        enable=node,
        disable="all",
        settings=chosen,
        scale=scale,
        epochs=epochs,
        seed=seed,
        progress=False,
    )


def answers(run: Run, split: str) -> dict[str, Numbers]:
    """What the best epochs of all groups say of the windows of a split, "node.output" to (N, *shape)."""
    context = run.session.context
    found: dict[str, torch.Tensor] = {}
    rows = context.store.rows(split)
    for group in context.groups:
        module = context.module(group)
        load_fixed(run.session.run, group, module)
        found |= evaluate(module, context.source, rows).predictions
        context.add_outputs(group, module, (split,), whole=True)
    return {name: tensor.double().numpy() for name, tensor in found.items()}


def windows(run: Run, split: str, *fields: str) -> list[Numbers]:
    """Fields of the windows of a split."""
    store = run.session.context.store
    rows = store.rows(split)
    return [torch.as_tensor(store.target(field)[rows]).double().numpy() for field in fields]


def boosted(run: Run, seed: int) -> Numbers:
    """LightGBM on the lags, one model a step, stopped on validation windows."""
    (x, y), (vx, vy), (tx, _) = (windows(run, split, "past", "next") for split in ("train", "validation", "test"))
    found = []
    for step in range(y.shape[1]):
        model = lightgbm.LGBMRegressor(n_estimators=2000, learning_rate=0.03, random_state=seed, n_jobs=1, verbose=-1)
        model.fit(
            x[..., 0],
            y[:, step, 0],
            eval_X=(vx[..., 0],),
            eval_y=(vy[:, step, 0],),
            callbacks=[lightgbm.early_stopping(50, verbose=False)],
        )
        found.append(model.predict(tx[..., 0]))
    return np.stack(found, 1)


def smoothed(y: Numbers, season: int, train: int, horizon: int) -> Numbers:
    """Exponential smoothing: parameters fitted to the first part, then applied to all, (T, H)."""
    seasonal = {"seasonal": "add", "seasonal_periods": season} if season > 1 else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a series without a trend leads to the edge of the parameters
        fitted = ExponentialSmoothing(y[:train], initialization_method="estimated", **seasonal).fit()
    alpha, gamma = fitted.params["smoothing_level"], fitted.params.get("smoothing_seasonal", 0.0)
    level = float(fitted.params["initial_level"])
    cycle = list(fitted.params["initial_seasons"]) if season > 1 else [0.0]
    found = np.zeros((len(y), horizon))
    for t, value in enumerate(y):
        place = t % season
        before = level
        level = alpha * (value - cycle[place]) + (1 - alpha) * level
        if season > 1:
            cycle[place] = gamma * (value - before) + (1 - gamma) * cycle[place]
        found[t] = [level + cycle[(t + 1 + ahead) % season] for ahead in range(horizon)]
    return found


def compare(
    system: System, seed: int, steps: int, epochs: int, settings: Mapping[str, Any], scale: str
) -> dict[str, float]:
    """Errors of every forecast relative to the best one."""
    y = system.draw(np.random.default_rng([seed, *system.name.encode()]), steps)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "series.csv", {"time": range(steps), "y": y.round(6).tolist()})
        own = {"series.targets": ["y"], "series.context": PAST, "series.horizon": AHEAD}
        start = time.perf_counter()
        run = learn(folder, "sequence_forecast", seed, epochs, {**own, **settings}, scale)
        seconds = time.perf_counter() - start
        said = answers(run, "test")
        past, target = windows(run, "test", "past", "next")
        origins = [int(run.session.context.store.id(int(row))) for row in run.session.context.store.rows("test")]
        train = len(windows(run, "train", "next")[0])
        found = {
            "best": system.best(y, AHEAD)[origins],
            "persistence": np.repeat(past[:, -1], AHEAD, 1),
            "seasonal naive": past[:, PAST - system.season : PAST - system.season + AHEAD, 0]
            if system.season > 1
            else np.repeat(past[:, -1], AHEAD, 1),
            "smoothing": smoothed(y, system.season, train, AHEAD)[origins],
            "boosting": boosted(run, seed),
            "ridge": said["series_ridge.next"][..., 0],
            "sequence_forecast": said["sequence_forecast.next"][..., 0],
        }
        covered = coverage(run, said)
    errors = {name: float(np.sqrt(((one - target[..., 0]) ** 2).mean())) for name, one in found.items()}
    print(f"  {system.name}, seed {seed}: {seconds:.0f} s of training", flush=True)
    return {name: error / errors["best"] for name, error in errors.items()} | covered


def coverage(run: Run, test: Mapping[str, Numbers]) -> dict[str, float]:
    """Shares of test numbers within the outermost quantiles of the network, and, calibrated on the windows between
    validation and test, within these once moved and within intervals of one width around the mean; a model serves the
    kind that is narrower on validation. And mean widths."""
    field = run.session.context.store.fields["next"]
    source = AnswerSource("sequence_forecast", "next", False, None, 0, {})
    parts = {}
    for name in ("validation", "calibration", "test"):
        said, (target,) = test if name == "test" else answers(run, name), windows(run, name, "next")
        mean, quantiles = (said[f"sequence_forecast.{output}"] for output in ("next", "next_quantiles"))
        flat = mean.reshape(len(mean), -1), target.reshape(len(mean), -1)
        parts[name] = Answered(*flat, ("und",) * len(mean), outermost(torch.from_numpy(quantiles)))
    known = calibrate_answer(field, source, parts["calibration"]).all_languages
    found, given = {}, parts["test"]
    assert given.outer is not None
    calibrated, plain = (intervals(field, known, given.answers, outer) for outer in (given.outer, None))
    served = calibrated if quantiles_are_narrower(field, source, parts["validation"]) else plain
    kinds = {"quantiles": given.outer, "calibrated": calibrated, "one width": plain, "served": served}
    for name, (low, high) in kinds.items():
        found[f"{name}: covered"] = float(((low <= given.truth) & (given.truth <= high)).mean())
        found[f"{name}: width"] = float((high - low).mean())
    return found


def classify(seed: int, steps: int, epochs: int, settings: Mapping[str, Any], scale: str) -> dict[str, float]:
    """Shares of test windows of which the system is named rightly."""
    series = {}
    for place, (name, weights) in enumerate(CLASSES.items()):
        generator = np.random.default_rng([seed, place])
        y = recursive(weights).draw(generator, steps)
        series[name] = y / np.sqrt(autocovariances(weights, 1)[0]) + OBSERVED * generator.standard_normal(steps)
    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        names = [name for name in series for _ in range(steps)]
        columns: dict[str, Sequence[object]] = {
            "time": [t for _ in series for t in range(steps)],
            "name": names,
            "system": names,
            "y": np.concatenate(list(series.values())).round(6).tolist(),
        }
        write(folder / "series.csv", columns)
        own: dict[str, Any] = {"series.covariates": ["y"], "series.classes": ["system"], "series.groups": ["name"]}
        own |= {"series.context": WINDOW, "series.horizon": 1, "series.stride": 5}
        run = learn(folder, "sequence_class", seed, epochs, {**own, **settings}, scale)
        said = answers(run, "test")["sequence_class.outcome"]
        (x, y), (tx, ty) = (windows(run, split, "past", "outcome") for split in ("train", "test"))
        labels = run.session.context.store.fields["outcome"].labels
    model = lightgbm.LGBMClassifier(n_estimators=200, random_state=seed, n_jobs=1, verbose=-1)
    model.fit(x[..., 0], y.argmax(1))
    likelihoods = []
    for name in labels:
        waves = autocovariances(CLASSES[name], WINDOW)
        covariance = toeplitz(waves / waves[0]) + OBSERVED**2 * np.eye(WINDOW)
        likelihoods.append(multivariate_normal(np.zeros(WINDOW), covariance).logpdf(tx[..., 0]))
    truth = ty.argmax(1)
    return {
        "Bayes": float((np.stack(likelihoods, 1).argmax(1) == truth).mean()),
        "boosting": float((np.asarray(model.predict(tx[..., 0])) == truth).mean()),
        "sequence_class": float((said.argmax(1) == truth).mean()),
    }


def show(title: str, found: Sequence[Mapping[str, float]]) -> None:
    """Mean and interval over seeds."""
    print(title)
    for name in found[0]:
        values = np.array([one[name] for one in found])
        half = 1.96 * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
        print(f"  {name:20} {values.mean():.3f} +- {half:.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--scale", default="small")
    parser.add_argument("--systems", nargs="*", default=[system.name for system in SYSTEMS])
    parser.add_argument("--classes", action="store_true")
    parser.add_argument("--set", nargs="*", default=[], metavar="PLUGIN.KEY=NUMBER")
    chosen = parser.parse_args()
    settings = {
        key: float(value) if "." in value else int(value) for key, _, value in (o.partition("=") for o in chosen.set)
    }
    more = (chosen.steps, chosen.epochs, settings, chosen.scale)
    for system in SYSTEMS:
        if system.name in chosen.systems:
            show(system.name, [compare(system, seed, *more) for seed in range(chosen.seeds)])
    if chosen.classes:
        show("which of five systems", [classify(seed, *more) for seed in range(chosen.seeds)])


if __name__ == "__main__":
    main()
