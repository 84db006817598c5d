"""The calculator `exact_votes`: entropy, agreement and the best score that votes allow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from redheart_calculators.results import nullable
from redheart_core import CalculatorInput, CalculatorSpec, DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@attrs.frozen
class VotesSettings:
    """The [plugins.exact_votes] table."""

    fit: bool = False
    """Fit the prior alpha to the votes by maximum likelihood."""


def spec() -> CalculatorSpec:
    """What it declares."""
    return CalculatorSpec(
        name="exact_votes",
        meaning="entropy and agreement of votes, cross entropy of a prediction, the best score that votes allow",
        settings=VotesSettings,
        inputs=(
            CalculatorInput("votes", "how many for each class, >= 0", "(K,) or (items, K)"),
            CalculatorInput(
                "prediction",
                "probabilities, each row sum 1",
                "(K,) or (items, K)",
                required=False,
            ),
            CalculatorInput("alpha", "prior weight of each class, > 0, for the best scores", "(K,)", required=False),
        ),
        compute=_compute,
        # ten items with fourteen votes each, of which Fleiss' kappa is 0.210
        example={
            "votes": [
                [0, 0, 0, 0, 14],
                [0, 2, 6, 4, 2],
                [0, 0, 3, 5, 6],
                [0, 3, 9, 2, 0],
                [2, 2, 8, 1, 1],
                [7, 7, 0, 0, 0],
                [3, 2, 6, 3, 0],
                [2, 5, 3, 2, 2],
                [6, 5, 2, 1, 0],
                [0, 2, 2, 3, 7],
            ]
        },
    )


def _compute(settings: VotesSettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    import numpy as np

    from redheart_core.exact import votes

    counts = np.atleast_2d(inputs["votes"])
    if counts.ndim != 2 or counts.shape[1] < 2:
        raise DataError(f"'votes' needs the shape (K,) or (items, K), K >= 2, got {inputs['votes'].shape}")
    shares = votes.vote_shares(counts)
    entropy = votes.entropy(shares)
    result = {
        "shares": shares,
        "entropy": entropy,
        "entropy_bias": votes.entropy_bias(counts.shape[1], counts.sum(1)),
        "mean_entropy": entropy.mean(),
        "agreement": _agreement(counts),
    }
    if "prediction" in inputs:
        prediction = np.atleast_2d(inputs["prediction"])
        if prediction.shape != counts.shape:
            raise DataError(f"'prediction' needs the shape of 'votes' {counts.shape}, got {prediction.shape}")
        compared = votes.soft_cross_entropy(shares, prediction)
        result["cross_entropy"] = nullable(compared.cross_entropy)
        result["excess"] = nullable(compared.excess)
        result["mean_cross_entropy"] = nullable(compared.cross_entropy.mean())
    if settings.fit or "alpha" in inputs:
        result["best"] = _best(settings, counts, inputs)
    return result


def _agreement(counts: NDArray[np.float64]) -> dict[str, Any] | None:
    """Fleiss' kappa; None where items have different numbers of votes, or fewer than two."""
    from redheart_core.exact.votes import fleiss_kappa

    raters = counts.sum(1)
    if (raters != raters[0]).any() or raters[0] < 2:
        return None
    found = fleiss_kappa(counts)
    return {"observed": found.observed, "chance": found.chance, "kappa": nullable(found.kappa)}


def _best(
    settings: VotesSettings, counts: NDArray[np.float64], inputs: Mapping[str, NDArray[np.float64]]
) -> dict[str, Any]:
    """What a prediction that knew each item's posterior would score."""
    from redheart_core.exact import votes

    if settings.fit and "alpha" in inputs:
        raise DataError("'alpha' is given and fit is true; leave 'alpha' out, or set fit = false")
    alpha = votes.fit_dirichlet_multinomial(counts).alpha if settings.fit else inputs["alpha"]
    if alpha.shape != counts.shape[1:]:
        raise DataError(f"'alpha' needs the shape {counts.shape[1:]}, one for each class, got {alpha.shape}")
    cross, accuracy = votes.best_cross_entropy(alpha, counts), votes.best_accuracy(alpha, counts)
    fresh = votes.fresh_entropy(alpha + counts)
    return {
        "alpha": alpha,
        "log_likelihood": votes.log_likelihood(alpha, counts).sum(),
        "largest_class": votes.argmax_probabilities(alpha + counts),
        "cross_entropy": cross,
        "mean_cross_entropy": cross.mean(),
        "fresh_entropy": fresh,
        "mean_fresh_entropy": fresh.mean(),
        "accuracy": accuracy,
        "mean_accuracy": accuracy.mean(),
    }
