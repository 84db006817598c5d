"""What the disagreement of raters allows at best."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from redheart_core.contract.nodes import Metric
from redheart_core.data.store import Store
from redheart_core.storage.runtime import stream_seed


def ceiling(store: Store, seed: int, metric: Metric, target: Tensor) -> float | None:
    """The best attainable value of a metric on votes; None for other targets and metrics.

    The shares of a record are drawn from the Dirichlet distribution that fits the training votes best (reference
    section 10.1); the best predictor knows them, and cannot know how the votes fell.

    Args:
        store: It has the training votes.
        seed: Decides the draws of votes.
        metric: "macro_f1" or "soft_cross_entropy" on a field of counts.
        target: (N, K) counts that are judged.
    """
    field = store.fields[metric.target]
    if not field.counts or not metric.name.endswith(("macro_f1", "soft_cross_entropy")):
        return None
    from redheart_core.exact.votes import fit_dirichlet_multinomial
    from redheart_core.exact.votes_ceiling import vote_ceiling

    votes = store.target(field.name)[store.rows("train")].double().numpy()
    votes = votes[np.isfinite(votes).all(1) & (np.nansum(votes, 1) > 0)]
    judged = target.double().numpy()
    judged = judged[judged.sum(1) > 0]
    rng = np.random.default_rng(stream_seed(seed, "ceiling"))
    found = vote_ceiling(fit_dirichlet_multinomial(votes).alpha, judged, rng=rng)
    return found.macro_f1 if metric.name.endswith("macro_f1") else found.cross_entropy
