"""Settings that make the fit cheaper and the weights smaller, and what they cost."""

from __future__ import annotations

import attrs
import pytest
import torch

from redheart_core import CATALOGUE, DataError, SettingsError
from redheart_core.config.tables import GroupSettings
from redheart_core.data.batch import Batch
from redheart_core.groups.baseline import start_from_baseline
from redheart_core.groups.graph import bind_nodes, plan_groups
from redheart_core.groups.group_module import GroupModule, Surroundings
from redheart_core.testing import activate, load_installed
from redheart_core.testing.fitting import SampleSource, fit_group
from redheart_linear.settings import LinearSettings

EKMAN = CATALOGUE["ekman"]


def records(count: int = 300) -> Batch:
    """Labels that terms and embedding say with noise."""
    draw = torch.Generator().manual_seed(4)
    terms = torch.rand(count, 12, generator=draw) * (torch.rand(count, 12, generator=draw) < 0.4)
    embedding = torch.randn(count, 2, 3, generator=draw)
    raw = terms @ torch.randn(12, 7, generator=draw) * 2 + embedding.mean(1) @ torch.randn(3, 7, generator=draw)
    labels = (raw + torch.randn(count, 7, generator=draw) > 1).float()
    inputs = {"terms": terms, "embedding": embedding, "mask": torch.ones(count, 2, dtype=torch.bool)}
    return Batch(inputs=inputs, targets={"ekman": labels})


def fitted(settings: LinearSettings, group: GroupSettings | None = None, given: Batch | None = None) -> GroupModule:
    node = attrs.evolve(activate(load_installed("linear")), settings=settings)
    fields = {"ekman": EKMAN}
    nodes = bind_nodes([node], fields)
    (planned,) = plan_groups(nodes, {"linear": group or GroupSettings()})
    shapes = {"terms": (12,), "embedding": ("T", 3), "ekman": (7,), "linear.ekman": (7,), "linear.ekman_logits": (7,)}
    module = GroupModule(planned, Surroundings(fields, shapes, "tiny", 0), torch.device("cpu"))
    fit_group(module, given or records(), seed=0)
    return module.eval()


def test_half_precision_takes_half_the_space_and_hardly_changes_an_answer() -> None:
    whole, half = fitted(LinearSettings()), fitted(LinearSettings(half=True))
    sizes = [
        sum(one.numel() * one.element_size() for one in module.parameter_dict().values()) for module in (whole, half)
    ]
    assert sizes[1] < 0.55 * sizes[0]
    answers = [module(records())["linear.ekman"] for module in (whole, half)]
    assert not torch.equal(*answers)
    torch.testing.assert_close(*answers, rtol=0, atol=2e-3)


def test_a_checkpoint_in_half_precision_gives_the_same_answers() -> None:
    module, other = fitted(LinearSettings(half=True)), fitted(LinearSettings(half=True))
    stored = {name: tensor.clone() for name, tensor in module.parameter_dict().items()}
    for parameter in other.parameters():
        parameter.zero_()
    other.load(stored)
    assert torch.equal(module(records())["linear.ekman"], other(records())["linear.ekman"])


def test_without_honest_answers_the_weights_are_the_same() -> None:
    whole, quick = fitted(LinearSettings()), fitted(LinearSettings(), GroupSettings(honest=False))
    assert whole.honest is not None
    assert quick.honest is None
    for one, other in zip(whole.parameters(), quick.parameters(), strict=True):
        assert torch.equal(one, other)


def test_what_would_be_trained_on_dishonest_answers_is_refused() -> None:
    fields = {"emotion": CATALOGUE["emotion"]}
    bound = bind_nodes([activate(load_installed(name)) for name in ("linear", "neural_emotion")], fields)
    nodes = start_from_baseline(bound, fields)
    with pytest.raises(SettingsError, match=r"\[groups.linear\] has honest = false, and neural_emotion would be"):
        plan_groups(nodes, {"linear": GroupSettings(honest=False)})


def test_only_a_fitted_group_has_honest_answers() -> None:
    nodes = bind_nodes([activate(load_installed("pooled"))], {"ekman": EKMAN})
    with pytest.raises(SettingsError, match=r"\[groups.pooled\] honest: only groups that are fitted"):
        plan_groups(nodes, {"pooled": GroupSettings(honest=False)})


def test_strengths_are_chosen_on_some_records_and_fitted_on_all() -> None:
    some, all_of_them = fitted(LinearSettings(choice_records=60)), fitted(LinearSettings())
    answers = [module(records())["linear.ekman"] for module in (some, all_of_them)]
    torch.testing.assert_close(*answers, rtol=0, atol=0.2)


def test_nothing_is_chosen_where_all_records_are_near_duplicates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SampleSource, "clusters", torch.zeros(300, dtype=torch.int64))
    with pytest.raises(DataError, match=r"all 150 training records that have 'ekman' are near-duplicates.*near_dup"):
        fitted(LinearSettings())


def test_honest_answers_do_not_know_near_duplicates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each record of the training part ten times: answers out of fold know it only if its copies are learnt from."""
    some = records()
    rows = torch.arange(300) // 20 * 2 + torch.arange(300) % 2
    copied = Batch({name: tensor[rows] for name, tensor in some.inputs.items()}, {"ekman": some.targets["ekman"][rows]})
    losses = []
    for clusters in (torch.arange(300), rows):
        monkeypatch.setattr(SampleSource, "clusters", clusters)
        module = fitted(LinearSettings(), given=copied)
        assert module.honest is not None
        honest, target = module.honest.answers["linear.ekman"], copied.targets["ekman"][::2]
        losses.append(float(torch.nn.functional.binary_cross_entropy(honest, target)))
    assert losses[0] < 0.5 * losses[1]
