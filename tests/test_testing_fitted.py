"""The conformance kit finds what is wrong with nodes that are fitted in closed form, and with those that gather."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from redheart_core import CATALOGUE, SCALES, NodeSpec, RedheartError
from redheart_core.contract.fitting import FitData
from redheart_core.data.batch import Batch
from redheart_core.discovery.entries import Entry
from redheart_core.nn.answers import answer_objective, answer_outputs
from redheart_core.nn.chunks import masked_mean
from redheart_core.testing import PLUGIN_CHECKS, CheckResult, ConformanceError, Plugin, Sample, make_subject, run_checks
from redheart_core.testing.building_checks import check_fitting_twice
from redheart_core.testing.evaluation_checks import check_missing_targets

ENTRY = Entry("made_up", "json", "made-up", "1.0")
"""Of plugins that no package offers; the module imports quickly."""

check_declaration = next(check for check in PLUGIN_CHECKS if check.__name__ == "check_declaration")


@attrs.frozen
class NoSettings:
    """Nothing to set."""


class Slope(nn.Module):
    """Regret as a multiple of the mean of the first number of the embedding, and an offset."""

    def __init__(self, learns: bool = False) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.zeros(2), requires_grad=learns)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        mean = masked_mean(inputs["embedding"], inputs["mask"])[:, 0]
        return {"regret": (self.slope[0] * mean + self.slope[1]).clamp(0, 1)}


def from_the_records(module: nn.Module, data: FitData) -> None:
    """The mean of the targets that are there, and a small slope."""
    assert isinstance(module, Slope)
    module.slope.data = torch.tensor([0.1, float(data.train.field("regret").nanmean())])


def by_chance(draw: Callable[[], float]) -> Callable[[nn.Module, FitData], None]:
    def fit(module: nn.Module, data: FitData) -> None:
        from_the_records(module, data)
        assert isinstance(module, Slope)
        module.slope.data[0] += 0.05 * draw()

    return fit


def from_what_is_missing(module: nn.Module, data: FitData) -> None:
    from_the_records(module, data)
    assert isinstance(module, Slope)
    module.slope.data[1] = data.train.field("regret").mean()


def not_at_all(module: nn.Module, data: FitData) -> None:
    pass


def spec_of(fit: Callable[[nn.Module, FitData], None], learns: bool = False) -> NodeSpec:
    return NodeSpec(
        name="fitted",
        meaning="regret in closed form",
        settings=NoSettings,
        scales={scale: {} for scale in SCALES},
        reads=("embedding",),
        gives=answer_outputs(CATALOGUE["regret"]),
        build=lambda _: Slope(learns),
        fit=fit,
        objective=lambda context: answer_objective(context, ("regret",)),
        targets=("regret",),
    )


@pytest.fixture(scope="module")
def sample() -> Sample:
    """24 records of one to four chunks."""
    draw = torch.Generator().manual_seed(5)
    embedding = torch.randn(24, 4, 6, generator=draw)
    mask = torch.arange(4) < torch.arange(24).remainder(4).add(1).unsqueeze(1)
    inputs = {"embedding": embedding * mask.unsqueeze(-1), "mask": mask}
    fields = {name: CATALOGUE[name] for name in ("regret", "choice_factors")}
    targets = {"regret": torch.rand(24, generator=draw), "choice_factors": torch.rand(24, 4, generator=draw)}
    return Sample(Batch(inputs, targets), fields)


def results(spec: NodeSpec, sample: Sample, kind: Any = "analyzer") -> dict[str, CheckResult]:
    return {result.check: result for result in run_checks(Plugin(spec.name, kind, spec, ENTRY), sample)}


def failure(check: Callable[[Any], None], spec: NodeSpec, sample: Sample) -> str:
    """What a check complains of."""
    with pytest.raises(RedheartError) as caught:
        check(make_subject(Plugin(spec.name, "analyzer", spec, ENTRY), sample))
    return str(caught.value)


def test_an_honest_fit_passes_and_is_not_asked_to_descend(sample: Sample) -> None:
    found = results(spec_of(from_the_records), sample)
    assert [result for result in found.values() if result.status == "failed"] == []
    skipped = {name: result.message for name, result in found.items() if result.status == "skipped"}
    descends = "it is fitted in closed form and descends no gradient"
    begins = "it answers nothing that a baseline's answers could be added to"
    assert skipped == {
        "layers exist": "it declares no layers",
        "other labels": "its targets have no labels",
        "every parameter learns": descends,
        "nothing outside learns": descends,
        "loss falls": descends,
        "starts at the baseline": begins,
        "same without the baseline": begins,
        "every parameter adds to the baseline": begins,
        "grows": "it declares no way to grow, and keeps its size when others do",
    }


@pytest.mark.parametrize(
    ("name", "draw"),
    [("torch", lambda: float(torch.rand(()))), ("numpy", np.random.random), ("random", random.random)],
)
def test_global_random_numbers_in_a_fit_are_found(sample: Sample, name: str, draw: Callable[[], float]) -> None:
    found = failure(check_fitting_twice, spec_of(by_chance(draw)), sample)
    assert f"draws from the global random numbers of {name};" in found


def test_a_fit_that_remembers_the_last_one_is_found(sample: Sample) -> None:
    calls = iter(range(1000))
    found = failure(check_fitting_twice, spec_of(by_chance(lambda: next(calls) / 1000)), sample)
    assert "the weights of two fits have to be equal bit for bit; fitted.slope differ" in found


def test_weights_that_no_fit_has_computed_are_found(sample: Sample) -> None:
    found = failure(check_fitting_twice, spec_of(not_at_all), sample)
    assert "slope exactly zero after the fit" in found
    found = failure(check_fitting_twice, spec_of(from_the_records, learns=True), sample)
    assert "slope wants a gradient, but its group is fitted" in found


def test_a_fit_that_missing_targets_spoil_is_found(sample: Sample) -> None:
    assert failure(check_missing_targets, spec_of(from_what_is_missing), sample)


def test_the_checks_look_at_the_fitted_module(sample: Sample) -> None:
    subject = make_subject(Plugin("fitted", "analyzer", spec_of(from_the_records), ENTRY), sample)
    assert not subject.blank().parameter_dict()["fitted.slope"].any()
    expected = sample.records.targets["regret"][::2].mean()
    assert subject.module().parameter_dict()["fitted.slope"][1] == expected


def test_what_a_fusion_gathers_is_answered_by_stand_ins(sample: Sample) -> None:
    fields = ("regret", "choice_factors", "votes")
    spec = attrs.evolve(
        spec_of(from_the_records), reads=("embedding",), gathers=fields, optional_targets=fields, targets=()
    )
    subject = make_subject(Plugin("fitted", "fusion", spec, ENTRY), sample)
    members = ("first_member", "second_member")
    answers = tuple(f"{member}.{field}" for field in fields[:2] for member in members)
    assert subject.node.spec.reads == ("embedding", *answers)
    assert {name: tensor.shape for name, tensor in subject.records.inputs.items() if "." in name} == {
        name: (24,) if name.endswith("regret") else (24, 4) for name in answers
    }


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"gathers": ("votes",)}, "fusion", "it gathers votes; declare each of them in optional_targets"),
        ({"gathers": ("regret",)}, "analyzer", "it gathers, and is of kind analyzer; offer it as a fusion"),
        ({}, "fusion", "a fusion has to read outputs of other nodes"),
    ],
)
def test_a_wrong_declaration_of_what_is_gathered_is_found(changes: dict[str, Any], kind: Any, message: str) -> None:
    spec = attrs.evolve(spec_of(from_the_records), targets=(), optional_targets=("regret",), **changes)
    with pytest.raises(ConformanceError, match=message):
        check_declaration(Plugin("fitted", kind, spec, ENTRY))
