"""The signal chain from chunks to emotion: every stage acts along the time of the text."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from redheart_core.nn.attention import Attention
from redheart_core.nn.chunks import masked_mean
from redheart_core.nn.growing import features_read, grow_chain, grow_own, grow_same
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import LinearSkips, mlp, trunk
from redheart_emotion_dsp.affect import ValenceArousal
from redheart_emotion_dsp.constants import sounds_of
from redheart_emotion_dsp.dynamics import Compressor, Envelope, envelope_means
from redheart_emotion_dsp.raw import free_from_positive, positive
from redheart_emotion_dsp.signals import (
    bin_energies,
    causal_filter,
    hann,
    overlap_add,
    padded_for_overlap,
    resonator,
    stft,
)
from redheart_emotion_dsp.space import Reverb
from redheart_emotion_dsp.spectral import Bands, Equaliser, Resonance

FLOOR = 1e-6
"""Power of silence, under square roots."""


class EmotionDsp(nn.Module):
    """An emotion trajectory over the chunks of a text, processed as L audio channels would be.

    Args:
        width_in: D of the embedding.
        labels: Names of the L emotions.
        width: W of an encoded chunk; all others are fixed ratios of it.
        heads: Attention heads, a divisor of width.
        window: Length of an STFT frame, even.
        tail: Steps after the last chunk in which release and reverb ring on.
        delays: Combs of the reverb.
        dropout: Share of activations dropped in training.
        skip_dropout: Share of the embedding that the linear skip loses in training.
    """

    def __init__(
        self,
        *,
        width_in: int,
        labels: Sequence[str],
        width: int,
        heads: int,
        window: int,
        tail: int,
        delays: int,
        dropout: float,
        skip_dropout: float,
    ) -> None:
        super().__init__()
        emotions, bins = len(labels), window // 2 + 1
        narrow = max(width // 3, 12)  # a norm over two or three numbers would leave little but their signs
        sounds = sounds_of(labels)
        bands = [sound.band for sound in sounds]
        bank = max(width // 6, 4)
        self.window, self.tail = window, tail
        self.encoder = trunk(width_in, width, dropout=dropout)
        self.skips = LinearSkips(width_in, {"emotion": emotions}, skip_dropout)
        self.drive = mlp(width, 2 * width, emotions, dropout=dropout)
        self.bands = Bands(bands)
        self.equaliser = Equaliser(emotions, bins, narrow)
        self.envelope = Envelope(sounds, width, dropout)
        self.valence_arousal = ValenceArousal(labels)
        self.compressor = Compressor(emotions * bins + 4 * emotions + 2, narrow)
        attention = Attention(width, width, width, heads)
        self.resonance = Resonance(bands=bands, bins=bins, width=width, bank=bank, attention=attention, dropout=dropout)
        self.reverb = Reverb(sounds, delays, width, dropout)
        step_width = emotions * bins + width + 2 * emotions + 3
        self.synthesiser = mlp(step_width, width // 2, width // 4, emotions, dropout=dropout)
        self.loudness = nn.Parameter(free_from_positive(torch.ones(1)))

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """(B, T, D) to the outputs that the node declares."""
        mask = inputs["mask"]
        counts, chunks = mask.sum(1), mask.shape[1]
        encoded = self.encoder(inputs["embedding"])
        context = masked_mean(encoded.where(mask.unsqueeze(-1), 0.0), mask)
        activation = self._activation(inputs["embedding"], encoded, mask)

        spectrum = stft(padded_for_overlap(activation, self.window), hann(self.window, activation), self.window // 2)
        energy = bin_energies(spectrum, self.window).sum(-2) / counts.view(-1, 1, 1)
        log_energy = energy.log1p()
        frequencies = torch.fft.rfftfreq(self.window, dtype=energy.dtype, device=energy.device)
        gains = self.bands(frequencies) * self.equaliser(log_energy)
        filtered = overlap_add(spectrum * gains.unsqueeze(-2), self.window, chunks)

        # the last chunk is held while it is released
        steps = torch.arange(chunks + self.tail, device=mask.device)
        held = torch.minimum(steps, counts.unsqueeze(-1) - 1)
        sounding = (steps < counts.unsqueeze(-1) + self.tail).unsqueeze(1)
        parameters = self.envelope(context)
        envelope = envelope_means(parameters, counts, len(steps)).where(sounding, 0.0)
        signal = filtered.gather(-1, held.unsqueeze(1).expand(-1, filtered.shape[1], -1)) * envelope

        place = self.valence_arousal(signal.transpose(1, 2).softmax(-1))
        mean_place = masked_mean(place[:, :chunks], mask)
        features = torch.cat([log_energy.flatten(1), parameters.flatten(1).log1p(), mean_place], -1)
        signal = signal * self.compressor(signal, features).unsqueeze(1)

        radius, angle, amount, pattern = self.resonance(activation, log_energy, encoded, mask)
        ringing = causal_filter(signal, resonator(radius, angle, len(steps)))
        signal = signal + amount.unsqueeze(-1) * ringing
        signal, decay_time = self.reverb(signal, context, pattern)
        signal = signal.where(sounding, 0.0)

        logits = self._synthesise(signal, envelope, place, torch.cat([log_energy.flatten(1), pattern], -1))
        loudness = (signal.square().mean(1) + FLOOR) ** (0.5 * positive(self.loudness))
        weights = loudness.where(sounding.squeeze(1), 0.0)
        weights = weights / weights.sum(1, keepdim=True)
        emotion_logits = torch.einsum("bn,bnl->bl", weights, logits)
        return {
            "emotion": emotion_logits.softmax(-1),
            "emotion_logits": emotion_logits,
            "trajectory": logits[:, :chunks],
            "spectrum": energy.transpose(1, 2),
            "adsr": parameters,
            "valence_arousal": mean_place,
            "resonance": torch.stack([radius, angle / (2 * torch.pi), amount], 1),
            "decay_time": decay_time,
        }

    def _activation(self, embedding: Tensor, encoded: Tensor, mask: Tensor) -> Tensor:
        """How much of each emotion a chunk holds, against their mean: (B, L, T), 0 where padded."""
        raw: Tensor = self.skips.by_chunk(embedding, mask)["emotion"] + self.drive(encoded)
        return (raw - raw.mean(-1, keepdim=True)).where(mask.unsqueeze(-1), 0.0).transpose(1, 2)

    def _synthesise(self, signal: Tensor, envelope: Tensor, place: Tensor, whole: Tensor) -> Tensor:
        """Signal and envelope (B, L, N), place (B, N, 2) and the text's own vector (B, V) to logits (B, N, L)."""
        intensity = (place.square().sum(-1, keepdim=True) + FLOOR).sqrt()
        channels = signal.transpose(1, 2)
        moment = torch.cat([channels, envelope.transpose(1, 2), place, intensity], -1)
        texture = whole.unsqueeze(1).expand(-1, moment.shape[1], -1)
        change: Tensor = self.synthesiser(torch.cat([moment, texture], -1))
        return channels + change

    def grow_from(self, smaller: EmotionDsp) -> None:
        """Take over what a smaller one computes."""
        grow_own(self, smaller)
        grow_same(self.skips, smaller.skips)
        grow_same(self.bands, smaller.bands)
        encoded = grow_chain(self.encoder, smaller.encoder, features_read(self.encoder, smaller.encoder))
        grow_chain(self.drive, smaller.drive, encoded)
        self.equaliser.grow_from(smaller.equaliser)
        self.envelope.grow_from(smaller.envelope, encoded)
        self.compressor.grow_from(smaller.compressor)
        pattern = self.resonance.grow_from(smaller.resonance, encoded)
        self.reverb.grow_from(smaller.reverb, encoded, pattern)
        moment = Axis.same(features_read(smaller.synthesiser, smaller.synthesiser).old - pattern.old)
        grow_chain(self.synthesiser, smaller.synthesiser, Axis.joined(moment, pattern))
