"""What the disagreement of raters allows at best, with a prior of their votes that is fitted on train."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from redheart_core.contract.errors import DataError, UndefinedError
from redheart_core.contract.fields import Field
from redheart_core.contract.nodes import Metric
from redheart_core.data.store import Store
from redheart_core.exact.numbers import FloatArray
from redheart_core.exact.votes_ceiling import VoteCeiling
from redheart_core.storage.runtime import stream_seed


def ceiling(store: Store, seed: int, metric: Metric, target: Tensor) -> float | None:
    """The best attainable value of a metric on votes; None for other targets and metrics.

    Args:
        store: It has the training votes.
        seed: Decides the draws of votes.
        metric: "macro_f1" or "soft_cross_entropy" on a field of counts.
        target: (N, K) counts that are evaluated.

    Raises:
        UndefinedError: The votes allow no estimate, as with one vote per record.
    """
    field = store.fields[metric.target]
    if not field.counts or not metric.name.endswith(("macro_f1", "soft_cross_entropy")):
        return None
    try:
        found = field_ceiling(store, seed, field, held_votes(target))
    except DataError as error:
        raise UndefinedError(str(error)) from error
    return found.macro_f1 if metric.name.endswith("macro_f1") else found.cross_entropy


def field_ceiling(store: Store, seed: int, field: Field, votes: FloatArray) -> VoteCeiling:
    """The ceilings on some records of a field of counts.

    The shares of a record are drawn from the Dirichlet distribution that fits the training votes best; the best
    predictor knows them, and cannot know how the votes fell (Lourie et al. 2021).

    Args:
        store: It has the training votes.
        seed: Decides the draws of votes.
        field: Of counts.
        votes: (N, K), as held_votes gives them.

    Raises:
        DataError: No record has votes, or the prior has no maximum of likelihood.
    """
    from redheart_core.exact.votes import fit_dirichlet_multinomial
    from redheart_core.exact.votes_ceiling import vote_ceiling

    train = split_votes(store, field, "train")
    rng = np.random.default_rng(stream_seed(seed, "ceiling"))
    return vote_ceiling(fit_dirichlet_multinomial(train).alpha, votes, rng=rng)


def split_votes(store: Store, field: Field, split: str) -> FloatArray:
    """(n, K) votes of a split.

    Raises:
        DataError: There are none.
    """
    found = held_votes(store.target(field.name)[store.rows(split)])
    if not len(found):
        raise DataError(f"no record of {split} has votes in '{field.name}', so there is no floor; give more records")
    return found


def held_votes(target: Tensor) -> FloatArray:
    """The rows of (N, K) counts that have a number for every class and a vote for some."""
    counts = target.double().numpy()
    found: FloatArray = counts[np.isfinite(counts).all(1) & (np.nansum(counts, 1) > 0)]
    return found
