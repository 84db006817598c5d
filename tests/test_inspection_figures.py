"""Looking at data: figures of labels, noise floors and baselines are right."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from made_up_data import FIELDS, Values, changed, clean, field, look, unit
from scipy import stats
from toy import Toy

from redheart_core import Field
from redheart_core.exact.votes import entropy, fit_dirichlet_multinomial, vote_shares
from redheart_core.exact.votes_ceiling import vote_ceiling
from redheart_core.inspection.baselines import baseline_predictions
from redheart_core.inspection.field_baselines import field_baselines
from redheart_core.inspection.label_figures import entropy_bits, field_numbers, find_grid
from redheart_core.nn.answers import answer_metrics


@pytest.mark.parametrize("counts", [[5], [1, 1], [3, 1, 0, 7], list(range(1, 40))])
def test_entropy_is_that_of_scipy(counts: list[int]) -> None:
    assert entropy_bits(np.array(counts)) == pytest.approx(stats.entropy(counts, base=2), abs=1e-12)


def test_figures_are_those_of_the_train_split(toy: Toy) -> None:
    store, found = look(toy, clean())
    train = store.rows("train")
    regret = store.target("regret")[train].double().numpy()
    (figures,) = field(found, "regret").labels
    assert figures.mean == pytest.approx(regret.mean())
    assert figures.standard_deviation == pytest.approx(regret.std())
    assert (figures.distinct, figures.bins) == (len(train), 20)
    assert figures.entropy == pytest.approx(stats.entropy(np.histogram(regret, 20)[0], base=2))
    kinds = store.target("kinds")[train]
    for label, column in zip(field(found, "kinds").labels, kinds.T, strict=True):
        share = float(column.mean())
        assert (label.bins, label.distinct) == (0, 2)
        assert label.imbalance == pytest.approx(share)
        assert label.entropy == pytest.approx(stats.entropy([share, 1 - share], base=2), abs=1e-6)
        assert label.holding["train"] == int(column.sum())
    majority = store.target("votes")[train].argmax(-1).bincount(minlength=3) / len(train)
    assert [label.imbalance for label in field(found, "votes").labels] == pytest.approx(majority.tolist())
    assert field(found, "votes").class_entropy == pytest.approx(stats.entropy(majority.numpy(), base=2))
    assert field(found, "regret").coverage == {
        split: len(store.rows(split)) for split in ("train", "validation", "calibration", "test")
    }


@pytest.mark.parametrize("step", [0.05, 0.01, 1 / 3, 0.125, 0.5])
def test_values_on_a_grid_have_the_error_of_rounding(step: float) -> None:
    draw = np.random.default_rng(0)
    exact = 1 + 4 * draw.random(20_000)
    rounded = (np.round(exact / step) * step).astype(np.float32).astype(np.float64)
    found = find_grid(np.unique(rounded))
    assert found is not None
    assert found.step == pytest.approx(step, rel=1e-5)
    assert found.error == pytest.approx(np.sqrt(np.mean((rounded - exact) ** 2)), rel=0.05)


def test_values_on_no_grid_and_too_few_of_them_have_none() -> None:
    draw = np.random.default_rng(0)
    assert find_grid(np.unique(draw.random(30).astype(np.float32).astype(float))) is None
    assert find_grid(np.unique(draw.random(5000))) is None
    assert find_grid(np.array([0.0, 0.5, 1.0])) is None
    assert find_grid(np.array([0.0, 0.1, 0.25, math.sqrt(0.1), 0.4, 0.9])) is None


def test_the_floor_and_ceilings_of_votes_are_those_of_the_exact_calculator(toy: Toy) -> None:
    store, found = look(toy, clean())
    train, validation = (store.target("votes")[store.rows(split)].double().numpy() for split in ("train", "validation"))
    votes = field(found, "votes").votes
    assert votes is not None
    assert votes.entropy == pytest.approx(float(entropy(vote_shares(validation)).mean()))
    alpha = fit_dirichlet_multinomial(train).alpha
    expected = vote_ceiling(alpha, validation, rng=np.random.default_rng(5), draws=400)
    assert votes.cross_entropy == pytest.approx(expected.cross_entropy)
    assert votes.macro_f1 == pytest.approx(expected.macro_f1, abs=4 * expected.macro_f1_sd / math.sqrt(100))
    assert votes.entropy < votes.cross_entropy


def test_an_unknown_noise_floor_says_why(toy: Toy) -> None:
    one_vote = {"AUTHOR": 1, "OTHER": 0, "NOBODY": 0}
    _, found = look(toy, changed(clean(200), lambda *_: {"votes": one_vote}))
    assert field(found, "votes").votes is None
    assert field(found, "votes").noise.startswith("unknown: the classes [1, 2] have no votes")
    assert field(found, "regret").noise == "unknown: neither votes nor rounded values"
    assert field(found, "kinds").noise.startswith("unknown: a single 0 or 1")


def test_a_score_that_is_infinite_is_null_with_its_reason(toy: Toy) -> None:
    records = clean()
    first = toy.store(records, "first", FIELDS)
    train = {first.ids[row] for row in first.rows("train").tolist()}

    def plant(index: int, values: Values) -> Values:
        return {"votes": {**values["votes"], "NOBODY": 0, "AUTHOR": 10}} if records[index].id in train else {}

    _, found = look(toy, changed(records, plant))
    figures = {figure.metric: figure for figure in field(found, "votes").baselines}
    assert figures["soft_cross_entropy"].constant is None
    assert figures["soft_cross_entropy"].linear is not None
    assert "votes for a class of probability 0" in field(found, "votes").baselines_note
    (table,) = [one for one in found.to_json()["fields"] if one["name"] == "votes"]
    (written,) = [one for one in table["baselines"] if one["metric"] == "soft_cross_entropy"]
    assert written["constant"] is None
    assert json.dumps(found.to_json(), allow_nan=False)


def test_the_baselines_are_those_of_the_evaluation(toy: Toy) -> None:
    def lack(index: int, values: Values) -> Values:
        factors = {
            name: None if index % 7 == place else v for place, (name, v) in enumerate(values["choice_factors"].items())
        }
        return {"choice_factors": factors, "regret": None if index % 5 == 0 else values["regret"]}  # fmt: skip

    store = toy.store(changed(clean(), lack), more_fields=FIELDS)
    fields = [(one, field_numbers(store, one)) for one in store.fields.values()]
    found = field_baselines(store, fields)
    rows = store.rows("validation")
    for one, _ in fields:
        if one.binary:
            continue  # its thresholds have their own tests
        target = store.target(one.name)[rows]
        expected = baseline_predictions(store, [one], (rows,))[one.name]
        for metric, figure in zip(answer_metrics(one), found[one.name].figures, strict=True):
            there = ~target.isnan().flatten(1).all(1) if target.dim() > 1 else ~target.isnan()
            for name, value in (("constant", figure.constant), ("linear", figure.linear)):
                prediction = expected[name][0][there]
                assert value == pytest.approx(
                    metric.function(prediction, target[there], ~target[there].isnan()), abs=2e-3
                )


def test_labels_that_the_text_gives_are_predicted_and_random_ones_are_not(toy: Toy) -> None:
    texts = [one.text.split() for one in clean()]
    records = changed(clean(), lambda index, _: {"share": texts[index].count("debt") / len(texts[index])})
    _, found = look(toy, records, unit("share"))
    by_metric = {figure.metric: figure for figure in field(found, "share").baselines}
    variance = by_metric["explained_variance"]
    assert variance.linear is not None
    assert variance.linear > 0.5
    assert variance.constant is not None
    assert variance.constant < 0.05
    regret = {figure.metric: figure for figure in field(found, "regret").baselines}
    assert (regret["explained_variance"].linear or 0.0) < 0.1


def test_fields_along_axes_are_looked_at_place_by_place(toy: Toy) -> None:
    track = Field("track", "numbers over time", 0.0, 9.0, labels=("x",), axes=(3,))
    records = changed(clean(200), lambda index, _: {"track": [{"x": 1.0}, {"x": float(index % 2)}][: 1 + index % 2]})
    store, found = look(toy, records, track)
    (figures,) = field(found, "track").labels
    numbers = store.target("track")[store.rows("train")]
    assert figures.mean == pytest.approx(float(torch.nanmean(numbers)))
    assert field(found, "track").numbers == 3
    assert field(found, "track").baselines_note == "none: the numbers lie along axes"
