"""On a data set with signals every modality is built, learns, is masked where missing and matters where it is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import torch
from growth import assert_grows
from node_checks import CHECKS
from torch import Tensor

from redheart_advanced_emotion.encoders import ConvEncoder
from redheart_advanced_emotion.model import AdvancedEmotion
from redheart_core import CATALOGUE
from redheart_core.testing import NotApplicable, Sample, Subject, load_installed, make_subject, real_sample

SIGNALS = ("eeg", "ecg", "gsr", "image", "audio")
LACKING = {name: row for row, name in enumerate((*SIGNALS, "history"))}
"""Each of the first records lacks one field; record 6 lacks all of them, record 7 has holes in all of them."""
COUNT, CHUNKS, WIDTH = 32, 3, 10


def made_up_sample() -> Sample:
    """Records with every signal, some without one or with holes."""
    draw = torch.Generator().manual_seed(0)
    weights = torch.rand(COUNT, 7, generator=draw) ** 3
    targets: dict[str, Tensor] = {"emotion": weights / weights.sum(-1, keepdim=True)}
    targets["culture"] = torch.rand(COUNT, 3, generator=draw)
    targets["self_after"] = torch.rand(COUNT, 6, generator=draw) * 2 - 1
    for name in (*SIGNALS, "history"):
        values = torch.rand((COUNT, *CATALOGUE[name].shape), generator=draw)
        missing = [LACKING[name], 6]
        values[missing] = float("nan")
        values[7][torch.rand(values[7].shape, generator=draw) < 0.4] = float("nan")
        targets[name] = values
    steps = torch.arange(8) < torch.arange(COUNT).remainder(9).unsqueeze(1)
    targets["history"] = targets["history"].masked_fill(~steps.unsqueeze(-1), float("nan"))
    mask = torch.arange(CHUNKS) < (torch.arange(COUNT).remainder(CHUNKS) + 1).unsqueeze(1)
    embedding = torch.randn(COUNT, CHUNKS, WIDTH, generator=draw).masked_fill(~mask.unsqueeze(-1), 0.0)
    return sample(embedding, mask, targets)


def sample(embedding: Tensor, mask: Tensor, targets: dict[str, Tensor]) -> Sample:
    """Records of these numbers alone; nothing is left of the real ones."""
    records = attrs.evolve(real_sample().records, inputs={"embedding": embedding, "mask": mask}, targets=targets)
    return Sample(records, {name: CATALOGUE[name] for name in targets})


@pytest.fixture(scope="module")
def subject() -> Subject:
    return make_subject(load_installed("advanced_emotion"), made_up_sample())


@pytest.fixture
def module(subject: Subject) -> AdvancedEmotion:
    module = subject.module().eval().nodes["advanced_emotion"]
    assert isinstance(module, AdvancedEmotion)
    return module


@pytest.fixture
def inputs(subject: Subject) -> dict[str, Tensor]:
    return dict(subject.records.inputs)


@pytest.mark.parametrize("check", CHECKS)
def test_the_contract_holds_with_all_signals(check: Callable[[Any], None], subject: Subject) -> None:
    try:
        check(subject)
    except NotApplicable as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize(
    "part", ["biometric.series.eeg", "biometric.series.ecg", "biometric.series.gsr", "image", "audio", "history"]
)
def test_each_modality_gets_gradients_from_the_emotion_alone(
    part: str, module: AdvancedEmotion, inputs: dict[str, Tensor]
) -> None:
    module(inputs)["emotion_logits"].square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in module.get_submodule(part).parameters())


@pytest.mark.parametrize("name", [*SIGNALS, "history"])
def test_without_a_modality_another_emotion_comes_out_of_the_records_that_have_it_and_of_no_other(
    name: str, module: AdvancedEmotion, inputs: dict[str, Tensor]
) -> None:
    with torch.no_grad():
        whole = module(inputs)["emotion_logits"]
        ablated = module(inputs | {name: torch.full_like(inputs[name], float("nan"))})["emotion_logits"]
    had = ~inputs[name].flatten(1).isnan().all(1)
    changed = ((whole - ablated).abs() > 1e-6).any(1)
    assert torch.equal(changed, had)
    assert torch.equal(whole[~had], ablated[~had])


@pytest.mark.parametrize(
    ("part", "name"), [("biometric.series.eeg", "eeg"), ("image", "image"), ("audio", "audio"), ("biometric", "")]
)
def test_an_encoder_says_nothing_about_records_that_lack_its_modality(
    part: str, name: str, module: AdvancedEmotion, inputs: dict[str, Tensor]
) -> None:
    missing = [LACKING[name], 6] if name else [6]
    with torch.no_grad():
        before = module(inputs)["emotion_logits"]
        for parameter in module.get_submodule(part).parameters():
            parameter.add_(1.0)
        after = module(inputs)["emotion_logits"]
    same = [row for row in range(COUNT) if torch.equal(before[row], after[row])]
    assert set(missing) <= set(same)
    assert 8 not in same


def test_it_grows_twice_without_a_change() -> None:
    assert_grows("advanced_emotion", made_up_sample(), width=144, heads=6, attention_layers=2)


def test_a_sample_that_is_missing_differs_from_a_zero_and_leaves_numbers(
    module: AdvancedEmotion, inputs: dict[str, Tensor]
) -> None:
    with torch.no_grad():
        outputs = module(inputs)
        holes = module({name: value.nan_to_num(0.0) for name, value in inputs.items()})
    assert all(bool(value.isfinite().all()) for value in outputs.values())
    assert not torch.allclose(outputs["emotion_logits"][7], holes["emotion_logits"][7])


def test_places_whose_samples_are_all_missing_do_not_count() -> None:
    torch.manual_seed(0)
    encoder = ConvEncoder(space=1, channels=2, widths=(4, 4), position_width=4, kernels=(3, 1), strides=(1, 1), width=6)
    signal = torch.randn(1, 2, 12)
    signal[..., 6:] = float("nan")
    with torch.no_grad():
        short, _ = encoder(signal[..., :8])
        longer, there = encoder(signal)
    assert there.item()
    # the first six samples and the one place beside them are all that there is, however long the silence after them
    torch.testing.assert_close(longer, short)


def test_a_series_reads_its_order_in_time(module: AdvancedEmotion, inputs: dict[str, Tensor]) -> None:
    with torch.no_grad():
        forwards = module(inputs)["emotion_logits"][8:]
        backwards = module(inputs | {"eeg": inputs["eeg"].flip(1)})["emotion_logits"][8:]
    assert bool(((forwards - backwards).abs() > 1e-6).any(1).all())


def test_history_is_read_in_order_and_ends_with_the_present(module: AdvancedEmotion) -> None:
    assert module.history is not None
    history = torch.full((3, 8, 8), float("nan"))
    history[1, :2] = 0.5
    history[2, [0, 2]] = 0.5
    now = torch.arange(36.0).view(3, 12)
    with torch.no_grad():
        steps, mask = module.history(history, now)
    assert mask.sum(1).tolist() == [1, 3, 4]
    for row, place in enumerate((0, 2, 3)):
        assert torch.equal(steps[row, place], now[row])
    # a step without numbers between two known ones is a step of its own
    assert not torch.equal(steps[2, 1], steps[2, 0])
    torch.testing.assert_close(steps[2, 2], steps[1, 0])


def test_a_modality_that_the_data_set_lacks_is_not_built() -> None:
    records = made_up_sample().records
    few = {name: records.targets[name] for name in ("emotion", "gsr")}
    bare = sample(records.inputs["embedding"], records.inputs["mask"], few)
    module = make_subject(load_installed("advanced_emotion"), bare).module().nodes["advanced_emotion"]
    assert isinstance(module, AdvancedEmotion)
    assert module.biometric is not None
    assert list(module.biometric.series) == ["gsr"]
    assert (module.image, module.audio, module.history, module.culture, module.trend.affect) == (None,) * 5
