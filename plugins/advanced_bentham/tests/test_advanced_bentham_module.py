"""The utility is the exact calculus of what the module says, and trains every part that it goes through."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import attrs
import pytest
import torch
from node_checks import CHECKS
from torch import Tensor

from redheart_advanced_bentham.calculus import BURDENS, CIRCUMSTANCES, LAYERS, Units
from redheart_advanced_bentham.model import AdvancedBentham, Parts
from redheart_advanced_bentham.readings import extent_of
from redheart_core import CATALOGUE, Field, PluginError
from redheart_core.testing import NotApplicable, Sample, Subject, load_installed, make_subject, real_sample

ALL = Parts(tuple(range(7)), tuple(range(3)), tuple(range(6)), tuple(range(6)), (2, 4), True, (1, 30, 730))
FEW = Parts((0, 1), (), (), (2, 4), (2, 4), False, ())


def module(parts: Parts = ALL) -> AdvancedBentham:
    torch.manual_seed(0)
    return AdvancedBentham(width_in=6, width=12, recurrent_layers=1, experts=2, parts=parts, units=Units(), dropout=0.0)


def inputs(count: int = 8) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(0)
    mask = torch.arange(3) < (torch.arange(count) % 3 + 1).unsqueeze(1)
    return {"embedding": torch.randn(count, 3, 6, generator=draw) * 3, "mask": mask}


def worth(row: dict[str, list[float]], layers: dict[str, float], horizon: float = math.inf) -> float:
    """The score of one record's outputs, in plain arithmetic: values, burdens and the mapping after them."""
    d = dict(zip(CIRCUMSTANCES, row["bentham"], strict=True))
    e, r, damage = (row["burdens"][BURDENS.index(name)] for name in BURDENS)
    days, delay = -30.0 * math.log(1 - d["duration"]), -math.log(d["propinquity"]) / 0.02
    days = min(days, max(horizon - delay, 0.0))
    integral = (math.exp(-0.02 * delay) - math.exp(-0.02 * (delay + days))) / 0.02
    persons = math.pow(101.0, d["extent"]) - 1.0
    gross = persons * d["intensity"] * d["certainty"] * integral * (d["fecundity"] + d["purity"]) * row["lots"][0]
    value = gross * (row["net_share"][0] + 0.0625 * r - 0.125 * e - 0.0625 * damage)
    for size in layers.values():
        value *= math.pow(size, 1 / 6)
    return value / (15.0 + abs(value))


def rows(outputs: dict[str, Tensor]) -> list[dict[str, list[float]]]:
    count = len(outputs["utility"])
    return [
        {name: tensor[row].double().reshape(-1).tolist() for name, tensor in outputs.items()} for row in range(count)
    ]


def last_weights(made: AdvancedBentham) -> Tensor:
    """(experts, hidden, layers): what the predicted layers come out of."""
    last = len(made.weight_predictor.experts.layers) - 1
    return made.get_parameter(f"weight_predictor.experts.layers.{last}.weight")


def test_utilities_are_the_calculus_of_the_other_outputs() -> None:
    with torch.no_grad():
        outputs = module()(inputs())
    for row in rows(outputs):
        layers = dict(zip(LAYERS, row["context_layers"], strict=True))
        counted = {name: layers[name] for name in ("social", "moral")}
        assert row["utility"][0] == pytest.approx(worth(row, counted), abs=1e-5)
        assert row["utility_in_context"][0] == pytest.approx(worth(row, layers), abs=1e-5)


def test_horizons_cut_the_integral() -> None:
    with torch.no_grad():
        outputs = module()(inputs())
    for row in rows(outputs):
        layers = dict(zip(LAYERS, row["context_layers"], strict=True))
        expected = [worth(row, layers, days) for days in (1.0, 30.0, 730.0)]
        assert row["utility_horizons"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    "part",
    [
        "encoder",
        "skip",
        "deep_ethics.philosophical",
        "deep_ethics.deontological",
        "deep_ethics.virtue",
        "social_impact.levels.individual",
        "social_impact.levels.group",
        "social_impact.levels.society",
        "social_impact.levels.global_",
        "cross_cultural",
        "weight_predictor",
        "balance",
    ],
)
def test_the_utility_alone_trains_every_part(part: str) -> None:
    made = module(FEW)
    made(inputs())["utility"].square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in made.get_submodule(part).parameters())


def test_the_value_in_context_trains_all_six_layers_through_the_calculus() -> None:
    made = module()
    last = last_weights(made)
    for output, trained in (("utility", (2, 4)), ("utility_in_context", range(6))):
        made.zero_grad()
        made(inputs())[output].square().sum().backward()
        assert last.grad is not None
        gradient = last.grad.abs().sum((0, 1))
        assert [place for place in range(6) if gradient[place] > 0] == list(trained)


@pytest.mark.parametrize("name", ["deep_ethics", "cross_cultural", "social_impact"])
def test_each_reading_moves_dimensions_and_layers(name: str) -> None:
    made = module()
    with torch.no_grad():
        before = made(inputs())
        for parameter in made.get_submodule(name).parameters():
            parameter.mul_(-1.5)
        after = made(inputs())
    for output in ("bentham", "burdens", "context_layers", "utility"):
        assert not torch.allclose(before[output], after[output], atol=1e-4)


def test_layers_start_around_one_and_stay_in_their_band() -> None:
    made = module()
    with torch.no_grad():
        usual = made.all_layers(torch.zeros(1, 6))
        extreme = made.all_layers(torch.tensor([[-90.0, 90.0, 0.0, 0.0, 0.0, 0.0]]))
    torch.testing.assert_close(usual, torch.ones(1, 6))
    torch.testing.assert_close(extreme[0, :2], torch.tensor([0.3, 2.5]))


def test_layers_that_nothing_would_train_are_not_predicted() -> None:
    made = module(FEW)
    assert last_weights(made).shape[-1] == 2
    layers = made.all_layers(torch.ones(1, 2))[0]
    assert [place for place in range(6) if layers[place] != 1.0] == [2, 4]


def test_levels_divide_the_scale_of_the_extent() -> None:
    shares = torch.eye(4)
    low, high = extent_of(shares, torch.full((4, 4), -50.0)), extent_of(shares, torch.full((4, 4), 50.0))
    torch.testing.assert_close(low, torch.tensor([0.0, 0.25, 0.5, 0.75]))
    torch.testing.assert_close(high, torch.tensor([0.25, 0.5, 0.75, 1.0]))
    torch.testing.assert_close(extent_of(torch.tensor([[0.5, 0.0, 0.0, 0.5]]), torch.zeros(1, 4)), torch.tensor([0.5]))


def made_up_subject(fields: dict[str, Field]) -> Subject:
    """Records whose labels rise with their first chunk, each in its own way."""
    draw = torch.Generator().manual_seed(1)
    mask = torch.arange(3) < (torch.arange(32) % 3 + 1).unsqueeze(1)
    embedding = torch.randn(32, 3, 10, generator=draw).masked_fill(~mask.unsqueeze(-1), 0.0)
    targets = {}
    for name, field in fields.items():
        slopes = torch.randn(10, max(len(field.labels), 1), generator=draw)
        shares = (embedding[:, 0] @ slopes).sigmoid().view(32, *field.shape)
        targets[name] = shares * (field.high - field.low) + field.low
    records = attrs.evolve(real_sample().records, inputs={"embedding": embedding, "mask": mask}, targets=targets)
    return make_subject(load_installed("advanced_bentham"), Sample(records, fields))


@pytest.fixture(scope="module")
def bare_subject() -> Subject:
    """A data set with four circumstances and the utility alone."""
    bentham = CATALOGUE["bentham"].with_labels("intensity", "duration", "certainty", "propinquity")
    return made_up_subject({"bentham": bentham, "utility": CATALOGUE["utility"]})


@pytest.mark.parametrize("check", CHECKS)
def test_the_contract_holds_with_the_least_that_is_needed(check: Callable[[Any], None], bare_subject: Subject) -> None:
    try:
        check(bare_subject)
    except NotApplicable as reason:
        pytest.skip(str(reason))


def test_labels_that_the_calculus_does_not_know_are_refused() -> None:
    strange = Field("bentham", "made up", 0.0, 1.0, labels=("intensity", "remoteness"))
    with pytest.raises(PluginError, match=r"it computes 'bentham' from .* has the label remoteness"):
        made_up_subject({"bentham": strange, "utility": CATALOGUE["utility"]}).module()


def test_horizons_without_days_are_refused() -> None:
    strange = Field("utility_horizons", "made up", -1.0, 1.0, labels=("day_1", "soon"))
    fields = {"bentham": CATALOGUE["bentham"], "utility": CATALOGUE["utility"], "utility_horizons": strange}
    with pytest.raises(PluginError, match="reads horizons from labels such as day_30; the data set has day_1, soon"):
        made_up_subject(fields).module()
