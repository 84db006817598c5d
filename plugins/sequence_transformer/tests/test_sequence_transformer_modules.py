"""Forecasts begin at the line, shift and scale with the series, and their quantiles never cross."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import attrs
import pytest
import torch
from torch import Tensor, nn

from redheart_core import CATALOGUE, BuildContext, DataError, Field
from redheart_core.contract.fields import Shape
from redheart_core.groups.binding import bind_node
from redheart_sequence_transformer import redheart_provide_analyzers
from redheart_sequence_transformer.settings import ForecastSettings
from redheart_sequence_transformer.training import build_classes, build_forecast, build_history, classes, forecast

LENGTH, AHEAD = 10, 3
INF, NAN = float("inf"), float("nan")
SPECS = {spec.name: spec for spec in redheart_provide_analyzers()}


def numbers(name: str, labels: tuple[str, ...], *axes: int) -> Field:
    """A field of numbers without a range of their own."""
    size = len(labels)
    scale: dict[str, Any] = {"mean": (4.0,) * size, "std": (2.0,) * size, "step": (1.0,) * size}
    return Field(name, "numbers", -INF, INF, labels=labels, axes=axes, **scale)


FIELDS = {
    "past": numbers("past", ("sales", "rain"), LENGTH),
    "past_times": Field("past_times", "times", -INF, 0.0, axes=(LENGTH,)),
    "known": numbers("known", ("holiday",), AHEAD),
    "next": numbers("next", ("sales",), AHEAD),
    "outcome": Field("outcome", "classes", 0.0, 1.0, labels=("a", "b", "c"), simplex=True),
    "quantity": numbers("quantity", ("size",)),
}


def context(node: str, *left_out: str, **changes: Any) -> BuildContext:
    """What the builder sees of a data set with these fields."""
    fields = {name: field for name, field in FIELDS.items() if name not in left_out}
    spec = SPECS[node]
    settings = attrs.evolve(spec.settings(**spec.scales["tiny"]), **changes)
    bound = bind_node(spec, fields)
    read = ("past", "past_times", "known")
    shapes: dict[str, Shape] = {name: fields[name].shape for name in read if name in bound.reads}
    shapes["series_ridge.next"] = (AHEAD, 1)
    return BuildContext(settings, "tiny", shapes, fields, frozenset(given.name for given in bound.gives))


def inputs() -> dict[str, Tensor]:
    """Four windows with gaps."""
    draw = torch.Generator().manual_seed(0)
    past = 4 + 2 * torch.randn(4, LENGTH, 2, generator=draw)
    past[1, 3:6, 0] = NAN
    past[2, :2] = NAN
    times = torch.arange(1.0 - LENGTH, 1.0).expand(4, -1)
    known = torch.randn(4, AHEAD, 1, generator=draw)
    line = 4 + torch.randn(4, AHEAD, 1, generator=draw)
    return {"past": past, "past_times": times, "known": known, "series_ridge.next": line}


def shaken(module: nn.Module) -> nn.Module:
    """The module with other weights, as after training."""
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=draw))
    return module.eval()


def test_an_untrained_forecast_is_the_line() -> None:
    given = inputs()
    outputs = build_forecast(context("sequence_forecast")).eval()(given)
    assert torch.equal(outputs["next"], given["series_ridge.next"])


def test_untrained_quantiles_are_about_those_of_half_the_deviation_of_the_window() -> None:
    module, given = build_forecast(context("sequence_forecast")).eval(), inputs()
    last = module.head[-1]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    found = (module(given)["next_quantiles"] - given["series_ridge.next"].unsqueeze(2))[0, 0, :, 0]
    std = given["past"][0, :, 0].std(unbiased=False)
    wanted = [NormalDist(sigma=0.5).inv_cdf(level) for level in ForecastSettings().levels]
    torch.testing.assert_close(found / std, torch.tensor(wanted), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("levels", [(0.5,), (0.1, 0.9), (0.05, 0.1, 0.3, 0.5, 0.95)])
def test_quantiles_never_cross(levels: tuple[float, ...]) -> None:
    module = shaken(build_forecast(context("sequence_forecast", levels=levels)))
    quantiles = module(inputs())["next_quantiles"]
    assert quantiles.shape == (4, AHEAD, len(levels), 1)
    assert bool((quantiles.diff(dim=2) > 0).all())


def test_without_the_level_the_forecast_shifts_and_scales_with_the_series() -> None:
    module, given = shaken(build_forecast(context("sequence_forecast", reads_level=False))), inputs()
    moved = {**given, **{name: 30 + 5 * given[name] for name in ("past", "series_ridge.next")}}
    plain, found = module(given), module(moved)
    assert not torch.allclose(plain["next"], given["series_ridge.next"], atol=0.1)
    for name in ("next", "next_quantiles"):
        torch.testing.assert_close(found[name], 30 + 5 * plain[name], atol=1e-3, rtol=1e-4)


def test_with_the_level_it_knows_how_far_the_window_is_from_the_training_part() -> None:
    module, given = shaken(build_forecast(context("sequence_forecast"))), inputs()
    moved = {**given, **{name: 30 + given[name] for name in ("past", "series_ridge.next")}}
    assert not torch.allclose(module(moved)["next"], 30 + module(given)["next"], atol=0.1)


@pytest.mark.parametrize("node", ["sequence_forecast", "sequence_class"])
def test_a_shift_of_time_changes_nothing(node: str) -> None:
    build = build_forecast if node == "sequence_forecast" else build_classes
    module, given = shaken(build(context(node))), inputs()
    shifted = module({**given, "past_times": given["past_times"] - 8.0})
    for name, tensor in module(given).items():
        torch.testing.assert_close(shifted[name], tensor, atol=1e-4, rtol=1e-4)


def test_what_is_known_ahead_counts_from_its_own_step_on() -> None:
    module, given = shaken(build_forecast(context("sequence_forecast"))), inputs()
    known = given["known"].clone()
    known[:, 1] = NAN
    plain, changed = module(given)["next"], module({**given, "known": known})["next"]
    assert torch.equal(changed[:, 0], plain[:, 0])
    for step in (1, 2):
        assert not torch.allclose(changed[:, step], plain[:, step], atol=1e-4)


def test_a_forecast_without_anything_known_ahead_is_built() -> None:
    seen = context("sequence_forecast", "known")
    given = inputs()
    del given["known"]
    assert build_forecast(seen)(given)["next"].shape == (4, AHEAD, 1)
    assert {metric.name for metric in forecast(seen).metrics} >= {"weighted_quantile_loss", "coverage_gap"}


def test_a_field_without_its_scale_is_refused() -> None:
    seen = context("sequence_forecast")
    bare = attrs.evolve(FIELDS["past"], mean=(), std=())
    with pytest.raises(DataError, match="field 'past' expects mean and std over the training records"):
        build_forecast(attrs.evolve(seen, fields={**seen.fields, "past": bare}))


@pytest.mark.parametrize("left_out", [(), ("outcome",), ("quantity",)])
def test_classes_and_numbers_are_answered_where_they_are(left_out: tuple[str, ...]) -> None:
    seen = context("sequence_class", *left_out)
    outputs = build_classes(seen)(inputs())
    wanted = {"outcome", "quantity"} - set(left_out)
    assert {term.target for term in classes(seen).losses} == wanted
    if "outcome" in wanted:
        torch.testing.assert_close(outputs["outcome"].sum(-1), torch.ones(4))
    if "quantity" in wanted:
        assert outputs["quantity"].shape == (4, 1)


def test_classes_read_autocorrelations_which_neither_sign_nor_direction_of_time_changes() -> None:
    module, given = shaken(build_classes(context("sequence_class", "quantity"))), inputs()
    weights = dict(module.named_parameters())
    with torch.no_grad():
        weights["answers.lines.outcome.weight"].zero_()
        weights["answers.heads.outcome.0.weight"][:, : -2 * (LENGTH // 2)] = 0.0
    plain = module(given)["outcome"]
    for past in (-given["past"], given["past"].flip(1)):
        torch.testing.assert_close(module({**given, "past": past})["outcome"], plain)
    mixed = given["past"][:, torch.randperm(LENGTH, generator=torch.Generator().manual_seed(2))]
    assert not torch.allclose(module({**given, "past": mixed})["outcome"], plain, atol=0.01)


def test_a_number_is_learnt_in_units_of_the_training_part() -> None:
    module = build_classes(context("sequence_class", "outcome")).eval()
    last = module.answers.heads["quantity"][-1]  # type: ignore[index]  # a Sequential
    nn.init.zeros_(last.weight)
    nn.init.constant_(last.bias, 1.5)
    torch.testing.assert_close(module(inputs())["quantity"], torch.full((4, 1), 4.0 + 1.5 * 2.0))


def history_module() -> nn.Module:
    names = ("regret", "utility", "self_after")
    fields = {name: CATALOGUE[name] for name in (*names, "history")}
    settings = SPECS["sequence_history"].settings(**SPECS["sequence_history"].scales["tiny"])
    seen = BuildContext(settings, "tiny", {"history": fields["history"].shape}, fields, frozenset(names))
    return shaken(build_history(seen))


def test_earlier_scenarios_count_from_now_back() -> None:
    history = torch.full((2, 8, 8), NAN)
    scenes = torch.rand(3, 8, generator=torch.Generator().manual_seed(0))
    history[0, :3] = scenes
    history[1, 0], history[1, 2:4] = scenes[0], scenes[1:]
    module = history_module()
    one, gapped = (module({"history": history[row : row + 1]}) for row in (0, 1))
    again = module({"history": torch.stack([history[0], history[0].flip(0)])})
    torch.testing.assert_close(again["regret"][:1], one["regret"])
    assert not torch.allclose(again["regret"][:1], again["regret"][1:], atol=1e-4)
    assert not torch.allclose(gapped["regret"], one["regret"], atol=1e-5)
