"""On a made-up world of choices, world model and tree learn which act is to be regretted least."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from redheart_advanced_regret.scoring import least_regret_agreement
from redheart_core import CATALOGUE, RedheartError
from redheart_core.nn.metrics import explained_variance
from redheart_core.testing import Sample, load_installed, make_subject, real_sample

WIDTH, CHUNKS, RECORDS, TESTED = 8, 3, 480, 160
ACTS, STATES = 5, 4


def exact_regrets(payoffs: NDArray[np.float64], probabilities: NDArray[np.float64]) -> tuple[list[float], list[float]]:
    """Expected and largest regret of each act, loop by loop; NaN for impossible acts."""
    able = [act for act in range(len(payoffs)) if not np.isnan(payoffs[act, 0])]
    expected, largest = [float("nan")] * len(payoffs), [float("nan")] * len(payoffs)
    for act in able:
        gaps = [max(payoffs[other, s] for other in able) - payoffs[act, s] for s in range(payoffs.shape[1])]
        expected[act] = float(sum(p * gap for p, gap in zip(probabilities, gaps, strict=True)))
        largest[act] = float(max(gaps))
    return expected, largest


def choices(seed: int = 0) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Inputs and targets: what each act brings, and whether it can be done, follow from the text."""
    draw = np.random.default_rng(seed)
    x = draw.standard_normal((RECORDS, WIDTH))
    payoffs = np.tanh(np.einsum("nd,das->nas", x, draw.standard_normal((WIDTH, ACTS, STATES)) / 3))
    payoffs[:, 1:][x @ draw.standard_normal((WIDTH, ACTS - 1)) > 2.0] = np.nan
    weights = np.exp(x @ draw.standard_normal((WIDTH, STATES)) / 3)
    weights /= weights.sum(1, keepdims=True)
    regrets = [exact_regrets(u, p) for u, p in zip(payoffs, weights, strict=True)]
    expected, largest = (np.array([pair[place] for pair in regrets]) for place in (0, 1))
    chosen = np.nanargmax(payoffs.mean(2) + 0.1 * draw.standard_normal((RECORDS, ACTS)), 1)
    size = expected[np.arange(RECORDS), chosen]
    regret = size / (0.4 + size)
    targets = {
        "payoffs": payoffs,
        "state_probability": weights,
        "act_regret": expected,
        "act_max_regret": largest,
        "chosen_act": np.eye(ACTS)[chosen],
        "regret": regret,
        "regret_course": regret[:, None] * np.array([1.0, 0.8, 0.5, 0.3]),
    }
    lengths = draw.integers(1, CHUNKS + 1, RECORDS)
    mask = torch.arange(CHUNKS) < torch.from_numpy(lengths).unsqueeze(1)
    chunks = torch.from_numpy(x).float().unsqueeze(1) + 0.1 * torch.from_numpy(
        draw.standard_normal((RECORDS, CHUNKS, WIDTH))
    )
    history = draw.uniform(-1, 1, (RECORDS, 8, 8))
    history[np.arange(8) >= draw.integers(0, 9, RECORDS)[:, None]] = np.nan
    inputs = {"embedding": (chunks * mask.unsqueeze(-1)).float(), "mask": mask}
    return inputs, {name: torch.from_numpy(value).float() for name, value in (targets | {"history": history}).items()}


def sample(fields: set[str], rows: slice = slice(None)) -> Sample:
    """The made-up records with some of the fields."""
    inputs, targets = choices()
    targets = {name: target[rows] for name, target in targets.items() if name in fields}
    batch = type(real_sample().records)({name: tensor[rows] for name, tensor in inputs.items()}, targets)
    return Sample(batch, {name: CATALOGUE[name] for name in targets})


def test_world_and_tree_rank_acts_like_exact_regret() -> None:
    """On records not trained on; a guess among the possible acts is right in a quarter, always the same in a third."""
    torch.manual_seed(0)
    subject = make_subject(load_installed("advanced_regret"), sample(set(CATALOGUE)))
    trainer, order = subject.trainer(), torch.Generator().manual_seed(0)
    for step in range(80):
        rows = torch.randperm(RECORDS - TESTED, generator=order)[:48]
        subject.step(trainer, subject.batch(rows.tolist()), step)
    held = subject.batch(range(RECORDS - TESTED, RECORDS))
    with torch.no_grad():
        given = subject.own(trainer.module.eval()(held))
    for field, output in (
        ("act_regret", "act_regret"),
        ("act_regret", "tree_regret"),
        ("act_max_regret", "act_max_regret"),
        ("act_max_regret", "tree_max_regret"),
    ):
        predicted, target = given[f"advanced_regret.{output}"], held.targets[field]
        present = ~target.isnan()
        constant = subject.records.targets[field][:-TESTED].nanmean(0).expand_as(target)
        assert least_regret_agreement(constant, target, present) < 0.35
        assert least_regret_agreement(predicted, target, present) > 0.45
        assert explained_variance(predicted, target, present) > 0.1


def test_exact_fields_of_the_made_up_world_agree_with_the_modules_calculus() -> None:
    from redheart_advanced_regret.regrets import expected_regret, largest_regret, regret_matrix

    _, targets = choices()
    able = ~targets["payoffs"].isnan().any(-1)
    regrets = regret_matrix(targets["payoffs"].nan_to_num(), able.float())
    for got, field in (
        (expected_regret(regrets, targets["state_probability"]), "act_regret"),
        (largest_regret(regrets), "act_max_regret"),
    ):
        torch.testing.assert_close(got[able], targets[field][able])


def test_without_fields_on_acts_the_world_is_trained_through_the_regret() -> None:
    subject = make_subject(load_installed("advanced_regret"), sample({"regret"}, slice(32)))
    assert {output.name for output in subject.given} == {"regret", "uncertainty", "posterior", "estimates"}
    module = subject.module().train()
    module(subject.batch(range(32)))["advanced_regret.estimates"][:, 1].sum().backward()
    world = module.nodes["advanced_regret"].get_submodule("world")
    assert all(bool((p.grad != 0).any()) for p in world.parameters() if p.grad is not None)
    assert all(p.grad is not None for p in world.parameters())


def test_an_act_of_another_name_is_refused() -> None:
    whole = sample({"regret", "act_regret", "chosen_act"}, slice(32))
    swapped = CATALOGUE["chosen_act"].labels[::-1]
    chosen = type(whole.fields["chosen_act"])("chosen_act", "", 0.0, 1.0, labels=swapped, simplex=True)
    subject = make_subject(
        load_installed("advanced_regret"), Sample(whole.records, {**whole.fields, "chosen_act": chosen})
    )
    with pytest.raises(RedheartError, match=r"'advanced_regret', build: it imagines 5 acts.*chosen_act.*wait, wrong"):
        subject.module()


def test_a_person_without_a_past_differs_from_one_with_a_blank_past() -> None:
    from redheart_advanced_regret.course import Past

    torch.manual_seed(0)
    past, history = Past(8, 6), torch.full((3, 8, 8), float("nan"))
    history[1, :2] = 0.0
    history[2, :2] = 0.0
    history[2, 1, 3] = float("nan")
    none, blank, gap = past(history)
    assert torch.equal(none, torch.zeros(6))
    assert bool((blank != 0).all())
    assert not torch.equal(blank, gap)
