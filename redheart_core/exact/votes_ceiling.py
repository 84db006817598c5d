"""What votes allow at best: the scores of the shares that the votes were drawn from, as far as the votes show them."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from redheart_core.contract.errors import DataError
from redheart_core.exact.numbers import FloatArray, axes, positive, shaped, within
from redheart_core.exact.samples import whole_number
from redheart_core.exact.votes import best_cross_entropy, fresh_entropy


@attrs.frozen(eq=False)
class VoteCeiling:
    """Scores of draws p ~ Dir(alpha + n) of each item (Scruples, Lourie et al. 2021)."""

    alpha: FloatArray
    """(K,) prior weights."""
    cross_entropy: float
    """Nats: mean over items against the same observed votes; exact."""
    fresh_cross_entropy: float
    """Nats: mean over items against fresh votes of other people; exact."""
    macro_f1: float
    """0..1: of argmax p against argmax n, the first of equal ones; mean over draws."""
    macro_f1_sd: float
    """Standard deviation over draws; that of the mean is smaller by sqrt(draws)."""
    draws: int


def vote_ceiling(
    alpha: npt.ArrayLike, votes: npt.ArrayLike, *, rng: np.random.Generator, draws: int = 100
) -> VoteCeiling:
    """Estimate the best attainable soft cross-entropy and macro-F1 on some items.

    Macro-F1 is the mean over the classes that are a majority or drawn as one somewhere.

    Args:
        alpha: (K,) > 0, as `votes.fit_dirichlet_multinomial` finds it, best on other items.
        votes: (items, K), each item with at least one vote.
        rng: Source of the draws.
        draws: At least 2.

    Raises:
        DataError: Other shapes or numbers, or an item without votes.
    """
    whole_number("draws", draws, 2)
    counts = axes("votes", within("votes", votes, 0.0), "items", "classes")
    shaped("votes", counts, counts.shape[-2:], "items, classes")
    positive("votes per item", counts.sum(-1), "drop items without votes")
    prior = positive("alpha", alpha, "every class needs a prior weight")
    if prior.shape != counts.shape[1:]:
        raise DataError(f"alpha needs the shape {counts.shape[1:]}, one for each class, got {prior.shape}")
    posterior, majority = prior + counts, counts.argmax(-1)
    # the largest of independent gamma numbers is the largest of their shares
    scores = [_macro_f1(rng.standard_gamma(posterior).argmax(-1), majority, len(prior)) for _ in range(draws)]
    return VoteCeiling(
        alpha=prior,
        cross_entropy=float(best_cross_entropy(prior, counts).mean()),
        fresh_cross_entropy=float(fresh_entropy(posterior).mean()),
        macro_f1=float(np.mean(scores)),
        macro_f1_sd=float(np.std(scores, ddof=1)),
        draws=draws,
    )


def _macro_f1(chosen: npt.NDArray[np.intp], true: npt.NDArray[np.intp], classes: int) -> float:
    """That of scikit-learn, whose import and checks of every draw take longer than all draws."""
    hits = np.bincount(true[chosen == true], minlength=classes)
    named = np.bincount(chosen, minlength=classes) + np.bincount(true, minlength=classes)
    return float((2 * hits[named > 0] / named[named > 0]).mean())
