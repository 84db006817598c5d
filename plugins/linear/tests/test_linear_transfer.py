"""Values that also read the answers on labels of other data sets."""

from __future__ import annotations

from typing import Any, cast

import attrs
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from redheart_core import CATALOGUE, BuildContext, DataError
from redheart_core.data.fitting import StoreFitData, StorePart
from redheart_core.groups.binding import bind_node
from redheart_linear import redheart_provide_analyzers, ridge, transfer
from redheart_linear.features import Features
from redheart_linear.model import Linear, build
from redheart_linear.problems import Records
from redheart_linear.settings import LinearSettings
from redheart_linear.training import fit

Matrix = NDArray[np.float64]
WIDTH = 40


@attrs.frozen(eq=False)
class Part:
    """What a fit reads of a part."""

    matrix: Any
    fields: dict[str, Tensor]

    def __len__(self) -> int:
        return int(self.matrix.shape[0])

    def terms(self) -> Any:
        return self.matrix

    def words(self) -> int:
        return WIDTH // 2

    def embedding(self) -> Tensor:
        return torch.from_numpy(self.matrix[:, :2].toarray())

    def field(self, name: str) -> Tensor:
        return self.fields[name]

    def folds(self, count: int) -> Tensor:
        return torch.arange(len(self)) % count


def terms(records: int, seed: int) -> Any:
    draw = np.random.default_rng(seed)
    return sparse.csr_matrix((draw.random((records, WIDTH)) * (draw.random((records, WIDTH)) < 0.2)).astype(np.float32))


def part(seed: int, shared: bool = False) -> StorePart:
    """600 records with seven labels that follow from the terms, and 30 with values that follow from the same sums."""
    draw, truth = np.random.default_rng(seed), np.random.default_rng(0)
    x = terms(630, seed)
    sums = x @ truth.normal(size=(WIDTH, 7)) * 4
    ekman = (sums + draw.logistic(size=sums.shape) > 0).astype(np.float32)
    vad = 3 + 0.2 * sums[:, :3] + 0.05 * draw.normal(size=(630, 3)).astype(np.float32)
    ekman[600:] = ekman[600:] if shared else np.nan
    vad[:600] = np.nan
    votes = np.where(sums[:, :5] > 0, 3.0, 1.0)
    votes[600:] = np.nan
    fields = {"ekman": ekman, "vad": vad.clip(1, 5), "votes": votes}
    return cast("StorePart", Part(x, {name: torch.from_numpy(values).float() for name, values in fields.items()}))


def fitted(on: bool, train: StorePart, *names: str) -> Linear:
    (spec,) = redheart_provide_analyzers()
    fields = {name: CATALOGUE[name] for name in names}
    gives = frozenset(output.name for output in bind_node(spec, fields).gives)
    module = build(
        BuildContext(LinearSettings(transfer=on), "tiny", {"terms": (WIDTH,), "embedding": ("T", 2)}, fields, gives)
    )
    fit(module, StoreFitData(train, part(2), fields, 0))
    return module


def inputs(rows: StorePart) -> dict[str, Tensor]:
    mask = torch.ones(len(rows), 1, dtype=torch.bool)
    return {"terms": torch.from_numpy(rows.terms().toarray()), "embedding": rows.embedding().unsqueeze(1), "mask": mask}


def error(module: Linear) -> float:
    """On the values of other records."""
    judged = part(3)
    given = module(inputs(judged))["vad"]
    target = judged.field("vad")
    return float((given - target)[600:].square().mean())


def test_it_is_the_ridge_on_terms_embedding_and_answers_side_by_side() -> None:
    module, train = fitted(True, part(1), "ekman", "vad"), part(1)
    given = inputs(train)
    x = torch.cat([given["terms"], given["embedding"][:, 0]], 1)[600:]
    outputs = {name: tensor[600:] for name, tensor in module(given).items()}
    answers = torch.cat([outputs["ekman_logits"], outputs["ekman"]], 1).double().numpy()
    scaled = transfer.SHARE * (answers - answers.mean(0)) / answers.std(0)
    wide = np.hstack([x.double().numpy(), scaled])
    target = train.field("vad")[600:].double().numpy()
    dense = np.hstack([x[:, WIDTH:].double().numpy(), scaled])
    held = Records(Features(train.terms()[600:], WIDTH // 2, dense), target, np.ones(target.shape, bool), "values")
    strength = ridge.choose(held, (1, 5), np.arange(len(held)))
    penalties = np.diag(strength.penalties(held.features))
    centred = wide - wide.mean(0)
    weights = np.linalg.solve(centred.T @ centred + penalties, centred.T @ (target - target.mean(0)))
    expected = np.clip(target.mean(0) + centred @ weights, 1, 5)
    np.testing.assert_allclose(outputs["vad"].numpy(), expected, atol=1e-4)


def test_few_values_are_better_known_with_the_labels_of_many_other_texts() -> None:
    assert error(fitted(True, part(1), "ekman", "vad")) < 0.8 * error(fitted(False, part(1), "ekman", "vad"))


def test_labels_of_the_same_records_are_not_read() -> None:
    both = part(1, shared=True)
    with pytest.raises(
        DataError, match=r"the training records of 'vad' have every other field .* set transfer = false"
    ):
        fitted(True, both, "ekman", "vad")
    module = fitted(True, both, "ekman", "vad", "votes")
    assert not module.transfer(CATALOGUE["vad"]).weight[:14].any()
    assert bool(module.transfer(CATALOGUE["vad"]).weight[14:].any(1).all())


def test_an_answer_that_is_always_the_same_gets_no_weight() -> None:
    train = part(1)
    train.field("votes")[:600] = torch.tensor([1.0, 1.0, 1.0, 1.0, 1.0])
    module = fitted(True, train, "ekman", "vad", "votes")
    assert not module.transfer(CATALOGUE["vad"]).weight[14:].any()
    assert bool(module.transfer(CATALOGUE["vad"]).weight.isfinite().all())


def test_without_it_nothing_is_added() -> None:
    assert not list(fitted(False, part(1), "ekman", "vad").transfers)
