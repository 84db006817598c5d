"""What the numbers of acts are fitted to."""

from __future__ import annotations

from collections.abc import Collection

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import eigh
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types
from torch import Tensor, nn

from redheart_core import BuildContext, DataError, Metric, Objective, PluginError
from redheart_core.contract.fitting import FitData, FitPart
from redheart_core.nn.answers import answer_objective
from redheart_preference.model import Blame, Preference
from redheart_preference.pairs import Pairs, choose, folds_of
from redheart_preference.pairs import fit as fit_pairs
from redheart_preference.settings import PreferenceSettings

VOTES = ("less_ethical", "less_ethical_again")


def build(context: BuildContext) -> Preference:
    """The module, of which everything is set by the fit."""
    assert isinstance(context.settings, PreferenceSettings)
    labels = context.labels("less_ethical")
    if len(labels) != 2:
        raise PluginError(f"it compares two acts; the data set's 'less_ethical' has the labels {', '.join(labels)}")
    settings = context.settings
    return Preference(
        settings.acts, context.input_width("first_act"), settings.directions, settings.half, settings.validation
    )


def objective(context: BuildContext) -> Objective:
    """Cross-entropy of the votes, and how often the majority is met."""
    found = answer_objective(context, ("less_ethical",))
    accuracy = Metric("accuracy", "less_ethical", "less_ethical", majority_accuracy, "max")
    return attrs.evolve(found, metrics=(*found.metrics, accuracy))


def majority_accuracy(prediction: Tensor, target: Tensor, present: Tensor) -> float:
    """Share of pairs in which most votes go to the act that is the more probable one; a tie of either counts half."""
    chance, votes = (torch.where(present, numbers, 0.0) for numbers in (prediction, target))
    agreement = (chance[:, 0] - chance[:, 1]).sign() * (votes[:, 0] - votes[:, 1]).sign()
    return float(((agreement + 1.0) / 2.0).double().mean())


def fit(module: nn.Module, data: FitData) -> dict[str, Tensor]:
    """Fit the numbers of acts to the votes on the training pairs; validation records are not looked at unless set so.

    Returns:
        Honest answers: what the pairs that share no act with it say of each; NaN for pairs that are not learnt from.

    Raises:
        DataError: There are too few pairs.
    """
    assert isinstance(module, Preference)
    blame = module.blame
    with threadpool_limits(1), torch.no_grad():  # sums split over another number of threads round differently
        pairs, rows, order = learnt_pairs(data.train, data.fields.keys(), len(blame.acts))
        set_directions(blame, pairs.acts)
        pairs = placed(blame, pairs)
        prior, numbers = choose(pairs, folds_of(pairs, order))
        if module.validation:
            others = learnt_pairs(data.validation, data.fields.keys(), len(blame.acts) - len(pairs.acts))[0]
            pairs = pairs.joined(placed(blame, others))
        blame.acts.zero_()[: len(pairs.acts)].copy_(torch.from_numpy(pairs.acts))
        blame.weights.zero_()[: len(pairs.acts)].copy_(torch.from_numpy(fit_pairs(pairs, prior)))
        blame.sharpness.fill_(prior.sharpness)
    logits = torch.full((len(rows), 2), torch.nan)
    logits[torch.from_numpy(rows)] = torch.from_numpy(numbers).float()
    return {"less_ethical_logits": logits, "less_ethical": logits.softmax(-1)}


def set_directions(blame: Blame, acts: NDArray[np.float64]) -> None:
    """The mean of some vectors (A, D) and the directions in which they differ most, by their principal components."""
    mean = acts.mean(0)
    _, directions = eigh(np.cov(acts - mean, rowvar=False, bias=True).reshape(len(mean), -1))
    blame.mean.copy_(torch.from_numpy(mean))
    blame.directions.copy_(torch.from_numpy(directions[:, ::-1][:, : blame.directions.shape[1]].copy()))


def placed(blame: Blame, pairs: Pairs) -> Pairs:
    """The acts where the module compares them, in the half precision in which it keeps them."""
    places = blame.placed(torch.from_numpy(pairs.acts)).numpy()
    return attrs.evolve(pairs, acts=places.astype(np.float16).astype(np.float64))


def learnt_pairs(
    part: FitPart, fields: Collection[str], most: int
) -> tuple[Pairs, NDArray[np.bool_], NDArray[np.int64]]:
    """The pairs that are learnt from, which records they are, (N,), and places of them in an order by chance, equal
    for near-duplicates.

    Raises:
        DataError: No record has votes on two acts.
    """
    votes = torch.stack([part.field(name).nan_to_num().double() for name in VOTES if name in fields]).sum(0)
    vectors = [part.field(name).double() for name in ("first_act", "second_act")]
    known = ~(vectors[0].isnan().any(-1) | vectors[1].isnan().any(-1))
    rows = ((votes.sum(-1) > 0) & known).numpy()
    if not rows.any():
        raise DataError("no training record has votes on a first and a second act, so there is nothing to learn")
    order = part.folds(len(rows)).numpy()
    both = np.concatenate([_of_length_1(vector.numpy()[rows]) for vector in vectors])
    acts, places = np.unique(both, axis=0, return_inverse=True)
    first, second = np.split(places.reshape(-1), 2)
    kept = _first_pairs(first, second, order[rows], most)
    rows[np.flatnonzero(rows)[~kept]] = False
    used, places = np.unique(np.concatenate([first[kept], second[kept]]), return_inverse=True)
    first, second = np.split(places.reshape(-1), 2)
    shares = (votes[:, 0] / votes.sum(-1)).numpy()[rows]
    return Pairs(acts[used], first, second, shares), rows, np.unique(order[rows], return_inverse=True)[1]


def _first_pairs(
    first: NDArray[np.int64], second: NDArray[np.int64], order: NDArray[np.int64], most: int
) -> NDArray[np.bool_]:
    """The pairs in their order by chance for as long as they have so many different acts at most."""
    kept, acts = np.zeros(len(first), np.bool_), set[int]()
    for place in order.argsort(kind="stable"):
        acts |= {int(first[place]), int(second[place])}
        if len(acts) > most:
            break
        kept[place] = True
    return kept


def _of_length_1(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each row divided by its length; rounded, so that the same act twice is one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return np.asarray(scaled.astype(np.float16), np.float64)
