"""Members learn what their start leaves, honestly; fusions take their mean, or the best stage."""

from __future__ import annotations

from typing import cast

import attrs
import pytest
import torch
from torch import Tensor

from redheart_committees.fusions import Committee, fit_best, fit_mean
from redheart_committees.model import Member
from redheart_committees.training import bootstrap, fit
from redheart_core import CATALOGUE, Field
from redheart_core.data.batches import BatchSource
from redheart_core.data.fitting import StoreFitData, StorePart
from redheart_core.nn.fusing import Gathered

RECORDS, WIDTH = 400, 5
EMBEDDING = torch.randn(RECORDS, 1, WIDTH, generator=torch.Generator().manual_seed(0))
MASK = torch.ones(RECORDS, 1, dtype=torch.bool)
VAD, EMOTION, EKMAN, VOTES = (CATALOGUE[name] for name in ("vad", "emotion", "ekman", "votes"))


@attrs.frozen(eq=False)
class Records:
    """As far as a fit looks at them."""

    tensors: dict[str, Tensor]

    @property
    def store(self) -> Records:
        return self

    @property
    def clusters(self) -> Tensor:
        return torch.arange(RECORDS)

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        return EMBEDDING[rows], MASK[rows]

    def target(self, name: str) -> Tensor:
        return self.tensors[name]

    def lower(self, name: str, rows: Tensor) -> Tensor:
        return self.tensors[name][rows]


def data(*fields: Field, **tensors: Tensor) -> StoreFitData:
    """The first three quarters are for training."""
    source = cast(BatchSource, Records({name.replace("__", "."): tensor for name, tensor in tensors.items()}))
    train, validation = StorePart(source, torch.arange(300)), StorePart(source, torch.arange(300, RECORDS))
    return StoreFitData(train, validation, {field.name: field for field in fields}, 0)


def member(*fields: Field, below: bool = False, seed: int = 0, features: int = 64) -> Member:
    torch.manual_seed(seed)
    return Member(WIDTH, features, fields, {field.name: f"linear.{field.name}" for field in fields} if below else {})


def answers(module: Member, **inputs: Tensor) -> dict[str, Tensor]:
    given = {name.replace("__", "."): tensor for name, tensor in inputs.items()}
    outputs: dict[str, Tensor] = module({"embedding": EMBEDDING, "mask": MASK, **given})
    return outputs


def curved() -> Tensor:
    """Numbers in 1..5 that no linear map of the embedding gives."""
    x = EMBEDDING[:, 0]
    return 3 + torch.stack([x[:, 0] * x[:, 1], (2 * x[:, 2]).sin(), x[:, 3].abs() - 1], 1).clamp(-2, 2)


def test_a_stage_that_is_left_nothing_answers_what_it_starts_from() -> None:
    target = curved()
    module = member(VAD, below=True)
    honest = fit(module, data(VAD, vad=target, linear__vad=target))
    torch.testing.assert_close(answers(module, linear__vad=target)["vad"], target)
    torch.testing.assert_close(honest["vad"], target[:300])


def test_successive_stages_come_closer_on_records_that_they_have_not_seen() -> None:
    target, answer = curved(), torch.full((RECORDS, 3), 3.0)
    errors = [float((answer - target)[300:].square().mean())]
    for seed in range(3):
        module = member(VAD, below=True, seed=seed)
        honest = fit(module, data(VAD, vad=target, linear__vad=answer))
        own = answers(module, linear__vad=torch.cat([answer[:300], answer[300:]]))["vad"]
        answer = torch.cat([honest["vad"], own[300:]])
        errors.append(float((answer - target)[300:].square().mean()))
    assert errors[1] < 0.8 * errors[0]
    assert errors[3] <= errors[2] <= errors[1]


def test_honest_answers_are_worse_than_the_modules_own_and_about_as_good_as_on_new_records() -> None:
    target = curved()
    module = member(VAD, below=True, features=128)
    start = torch.full((RECORDS, 3), 3.0)
    honest = fit(module, data(VAD, vad=target, linear__vad=start))["vad"]
    own = answers(module, linear__vad=start)["vad"]
    learnt, held, new = ((one - target[rows]).square().mean() for one, rows in (
        (own[:300], slice(300)), (honest, slice(300)), (own[300:], slice(300, None))
    ))  # fmt: skip
    assert learnt < held
    assert float(held) == pytest.approx(float(new), rel=0.35)


@pytest.mark.parametrize("field", [EMOTION, EKMAN, VOTES, VAD], ids=lambda field: field.name)
@pytest.mark.parametrize("below", [False, True])
def test_records_without_the_field_have_no_honest_answer_and_all_kinds_are_answered(field: Field, below: bool) -> None:
    draw = torch.Generator().manual_seed(1)
    z = torch.randn(RECORDS, len(field.labels), generator=draw) + EMBEDDING[:, 0, :1]
    target = {"emotion": z.softmax(-1), "ekman": (z > 0.5).float(), "votes": z.exp().round(), "vad": 3 + z.tanh()}[
        field.name
    ]
    target[::10] = float("nan")
    start = {"emotion": torch.full_like(z, 1 / 7), "ekman": torch.full_like(z, 0.3),
             "votes": torch.full_like(z, 0.2), "vad": torch.full_like(z, 3.0)}[field.name]  # fmt: skip
    module = member(field, below=below)
    honest = fit(module, data(field, **{field.name: target, f"linear__{field.name}": start}))
    outputs = answers(module, **{f"linear__{field.name}": start})
    assert honest.keys() == outputs.keys()
    lacking = target[:300].isnan().all(1) | (target[:300].nan_to_num().sum(1) == 0 if field.counts else False)
    for name, tensor in honest.items():
        assert torch.equal(tensor.isnan().all(1), lacking), name
        assert bool(outputs[name].isfinite().all())
    if field.name in ("emotion", "votes"):
        torch.testing.assert_close(outputs[field.name].sum(-1), torch.ones(RECORDS))


def test_members_have_samples_and_features_of_their_own_and_the_same_seed_gives_the_same_bits() -> None:
    target = curved()
    first, again, other = (member(VAD, seed=seed) for seed in (0, 0, 1))
    found = [fit(module, data(VAD, vad=target))["vad"] for module in (first, again, other)]
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    counts = bootstrap(torch.arange(1000), 7)
    assert counts.sum() == 1000
    assert (counts == 0).mean() == pytest.approx(0.368, abs=0.04)
    assert (bootstrap(torch.arange(1000), 7) == counts).all()
    assert (bootstrap(torch.arange(1000), 8) != counts).any()


def test_a_cluster_is_drawn_as_one() -> None:
    counts = bootstrap(torch.arange(1000) // 10, 7)
    assert (counts.reshape(100, 10) == counts[::10, None]).all()
    assert (counts[::10] == bootstrap(torch.arange(100), 7)).all()


def committee(count: int) -> Committee:
    return Committee([Gathered(VAD, tuple(f"member_{number}.vad" for number in range(count)))])


def given(*members: Tensor) -> dict[str, Tensor]:
    return {f"member_{number}__vad": tensor for number, tensor in enumerate(members)}


def test_the_mean_of_bootstrap_members_is_plain_and_beats_them_where_they_err_apart() -> None:
    target = curved()
    noise = [0.5 * torch.randn(RECORDS, 3, generator=torch.Generator().manual_seed(seed)) for seed in range(5)]
    members = [(target + one).clamp(1, 5) for one in noise]
    module = committee(5)
    fit_mean(module, data(VAD, vad=target, **given(*members)))
    answer = module({f"member_{number}.vad": one for number, one in enumerate(members)})["vad"]
    torch.testing.assert_close(answer, torch.stack(members).mean(0))
    assert float((answer - target).square().mean()) < float(module.of(VAD).losses.min()) * 16  # in the field's unit


def test_the_best_stage_is_taken_bit_for_bit_and_the_earliest_of_equals() -> None:
    target = curved()
    near, nearer = (target + 0.2).clamp(1, 5), (target + 0.1).clamp(1, 5)
    for members, place in (((near, nearer, nearer), 1), ((nearer, near, near), 0), ((near, near, nearer), 2)):
        module = committee(3)
        fit_best(module, data(VAD, vad=target, **given(*members)))
        assert module.of(VAD).weight.tolist() == [float(number == place) for number in range(3)]
        answer = module({f"member_{number}.vad": one for number, one in enumerate(members)})["vad"]
        assert torch.equal(answer, members[place])
        assert module.of(VAD).losses[place] == module.of(VAD).losses.min()
