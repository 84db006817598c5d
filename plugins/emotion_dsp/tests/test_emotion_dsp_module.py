"""Every stage of the chain shapes the emotion, begins at the sourced constants and keeps its bounds."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from redheart_core import SettingsError
from redheart_core.storage.settings import read_table
from redheart_emotion_dsp.affect import ValenceArousal
from redheart_emotion_dsp.constants import POINTS, SOUNDS, sounds_of
from redheart_emotion_dsp.dynamics import Compressor, Envelope, envelope_means
from redheart_emotion_dsp.model import EmotionDsp
from redheart_emotion_dsp.settings import EmotionDspSettings
from redheart_emotion_dsp.signals import adsr
from redheart_emotion_dsp.spectral import Bands

LABELS = ("joy", "trust", "fear", "surprise", "sadness", "disgust", "anger")


def module() -> EmotionDsp:
    torch.manual_seed(0)
    chain = EmotionDsp(
        width_in=6, labels=LABELS, width=12, heads=2, window=8, tail=8, delays=4, dropout=0.0, skip_dropout=0.0
    ).eval()
    nn.init.normal_(chain.skips.maps["emotion"].weight, std=0.3)  # type: ignore[arg-type] # mypy sees any Module
    return chain


def inputs(chunks: int = 5) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(1)
    counts = torch.tensor([chunks, 1, max(chunks - 1, 1)])
    mask = torch.arange(chunks) < counts.unsqueeze(1)
    return {"embedding": torch.randn(3, chunks, 6, generator=draw), "mask": mask}


class Constant(nn.Module):
    """Stands for a stage that does nothing."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, *given: Tensor) -> Any:
        return self.answer(*given)


def no_resonance(signal: Tensor, log_energy: Tensor, encoded: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
    radius, angle, amount, pattern = module().resonance(signal, log_energy, encoded, mask)
    return radius, angle, torch.zeros_like(amount), pattern


def flat_envelope(context: Tensor) -> Tensor:
    """Full at once and for as long as the text lasts, then gone."""
    return torch.tensor([1e-3, 1e-3, 1.0, 1e-3]).view(1, 4, 1).expand(len(context), 4, len(LABELS))


IDLE = {
    "drive": lambda x: x.new_zeros(*x.shape[:-1], len(LABELS)),
    "bands": lambda frequencies: torch.ones(len(LABELS), len(frequencies)),
    "equaliser": torch.ones_like,
    "envelope": flat_envelope,
    "valence_arousal": lambda shares: shares.new_zeros(*shares.shape[:-1], 2),
    "compressor": lambda signal, features: torch.ones_like(signal[:, 0]),
    "resonance": no_resonance,
    "reverb": lambda signal, context, pattern: (signal, signal[..., 0]),
    "synthesiser": lambda x: x.new_zeros(*x.shape[:-1], len(LABELS)),
}


@pytest.mark.parametrize("stage", IDLE)
@pytest.mark.parametrize("chunks", [1, 5])
def test_without_a_stage_the_emotion_of_each_record_is_another(stage: str, chunks: int) -> None:
    whole, without = module(), module()
    setattr(without, stage, Constant(IDLE[stage]))
    with torch.no_grad():
        change = (whole(inputs(chunks))["emotion"] - without(inputs(chunks))["emotion"]).abs().amax(-1)
    assert change.min() > 1e-4


def test_the_linear_skip_enters_the_chain_before_its_first_stage() -> None:
    whole, without = module(), module()
    nn.init.zeros_(without.skips.maps["emotion"].weight)  # type: ignore[arg-type] # as above
    with torch.no_grad():
        results, others = whole(inputs()), without(inputs())
    for name in ("emotion", "spectrum", "valence_arousal"):
        assert (results[name] - others[name]).abs().max() > 1e-3


def test_the_stages_of_the_ablation_are_all_there_are() -> None:
    assert {name for name, _ in module().named_children()} == {"encoder", "skips", *IDLE}


def test_a_gradient_reaches_every_parameter() -> None:
    chain = module().train()
    chain(inputs())["emotion_logits"].square().sum().backward()
    assert [name for name, p in chain.named_parameters() if p.grad is None or not bool(p.grad.any())] == []


def test_every_sound_parameter_of_every_emotion_has_a_gradient_of_its_own() -> None:
    chain = module()
    chain(inputs())["emotion_logits"].square().sum().backward()
    for parameter in (chain.envelope.times, chain.envelope.sustain, chain.bands.centre):
        assert parameter.grad is not None
        assert bool((parameter.grad != 0).all())


def test_the_order_of_the_chunks_matters() -> None:
    given = inputs()
    turned = {**given, "embedding": given["embedding"].flip(1)}
    emotion, other = (module()(chosen)["emotion"][0] for chosen in (given, turned))
    assert (emotion - other).abs().max() > 1e-3


def test_the_trajectory_is_averaged_by_loudness_with_the_tail() -> None:
    """One chunk and an even tail: the emotion is no more than a mean of steps, of which the first is the trajectory."""
    outputs = module()(inputs(1))
    assert outputs["trajectory"].shape == (3, 1, 7)
    assert not torch.equal(outputs["trajectory"][:, 0], outputs["emotion_logits"])


def test_probabilities_are_the_softmax_of_the_logits() -> None:
    outputs = module()(inputs())
    expected = outputs["emotion_logits"].exp() / outputs["emotion_logits"].exp().sum(-1, keepdim=True)
    torch.testing.assert_close(outputs["emotion"], expected)


def test_the_spectrum_holds_the_energy_of_the_trajectory_through_overlapping_windows() -> None:
    """A lone chunk lies under the middle of one window and under the start of the other: its energy is its square."""
    chain, given = module(), inputs(1)
    with torch.no_grad():
        activation = chain._activation(given["embedding"], chain.encoder(given["embedding"]), given["mask"])
        spectrum = chain(given)["spectrum"]
    torch.testing.assert_close(spectrum.sum(1), activation[..., 0].square())


def test_envelopes_begin_at_the_table_and_keep_its_order() -> None:
    envelope = Envelope(sounds_of(LABELS), 12, 0.0)
    envelope.shift = Constant(lambda context: context.new_zeros(len(context), 4 * len(LABELS)))  # type: ignore[assignment] # a stand-in
    attack, decay, sustain, release = envelope(torch.zeros(1, 12))[0]
    for place, label in enumerate(LABELS):
        if label != "trust":
            expected = [SOUNDS[label].attack, SOUNDS[label].decay, SOUNDS[label].sustain, SOUNDS[label].release]
            got = [values[place].item() for values in (attack, decay, sustain, release)]
            assert got == pytest.approx(expected, rel=1e-5)
    assert attack[LABELS.index("trust")].item() == pytest.approx(1.99 / 7, rel=1e-5)


def test_envelope_means_are_means_of_the_envelope() -> None:
    parameters = torch.tensor([2.0, 4.0, 0.5, 5.0], dtype=torch.float64).view(1, 4, 1)
    got = envelope_means(parameters, torch.tensor([10]), 16)[0, 0]
    fine = (torch.arange(16_000, dtype=torch.float64) + 0.5) / 1000
    attack, decay, sustain, release = parameters.flatten()
    curve = adsr(fine, attack, decay, sustain, release, torch.tensor(10.0, dtype=torch.float64))
    torch.testing.assert_close(got, curve.view(16, 1000).mean(1), atol=1e-6, rtol=0)


def test_bands_begin_at_the_table_laid_over_the_frequencies() -> None:
    assert SOUNDS["fear"].band == pytest.approx((0.0, 0.1156890), abs=1e-6)
    assert SOUNDS["surprise"].band[1] == pytest.approx(0.5)
    gains = Bands([SOUNDS[name].band for name in ("fear", "surprise")])(torch.linspace(0, 0.5, 501)).detach()
    assert gains.argmax(1).tolist() == [58, 471]
    torch.testing.assert_close(gains.amax(1), torch.full((2,), 2.0), atol=1e-4, rtol=0)
    assert bool((gains >= 1).all())


def test_a_compressor_lowers_what_is_loud_and_keeps_what_is_still() -> None:
    torch.manual_seed(0)
    compressor = Compressor(3, 8)
    still, loud, louder = (compressor(torch.full((1, 2, 6), size), torch.zeros(1, 3)) for size in (1e-4, 10.0, 100.0))
    assert bool((still > 0.99).all())
    assert bool((loud < still).all())
    assert bool((louder < loud).all())
    assert bool((louder > 0).all())


def test_d14_and_d15_points_of_distributions() -> None:
    labels = tuple(POINTS)
    mapping = ValenceArousal(labels)
    middle = mapping(torch.full((len(labels),), 1 / 7))
    torch.testing.assert_close(middle, torch.tensor([-0.255714285714, 0.347142857143]), atol=1e-6, rtol=0)
    joy = mapping(torch.eye(7)[labels.index("joy")]).tolist()
    assert torch.rad2deg(torch.atan2(torch.tensor(joy[1]), torch.tensor(joy[0]))).item() == pytest.approx(
        32.28, abs=5e-3
    )
    assert (joy[0] ** 2 + joy[1] ** 2) ** 0.5 == pytest.approx(0.8989, abs=5e-3)


def test_points_go_by_name_trust_is_at_the_origin_and_all_are_constants() -> None:
    mapping = ValenceArousal(("trust", "sadness", "joy"))
    assert torch.equal(mapping.points, torch.tensor([[0.0, 0.0], [-0.63, -0.27], [0.76, 0.48]]))
    assert not list(mapping.parameters())
    assert not mapping.state_dict()


def test_an_odd_window_is_refused() -> None:
    with pytest.raises(SettingsError, match="window has to be even, as frames overlap by half; got 7"):
        read_table(EmotionDspSettings, {"window": 7}, "[plugins.emotion_dsp]")
