"""Emotion from text and whatever signals the data set has, over the steps of a life or of the text."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import torch
from torch import Tensor, nn

from redheart_advanced_emotion.encoders import AudioEncoder, BiometricProcessor, TextEncoder, image_encoder
from redheart_advanced_emotion.temporal import EmotionMemory, HistoryEncoder, TemporalTracker, Trend
from redheart_core.nn.attention import Attention, AttentionPooling
from redheart_core.nn.growing import grow_attention, grow_chain, grow_mixture, grow_norm, grow_own, grow_pooling
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import RecordDropout, mlp, trunk
from redheart_core.nn.parallel import Mixture, ParallelMlp

CULTURES = ("korean", "western", "eastern")
"""Names of the views of the cultural nuance; no label distinguishes them, so they are an ensemble."""
SERIES = ("eeg", "ecg", "gsr")


@attrs.frozen
class Parts:
    """What the data set has, and so what is built."""

    emotions: int
    series: Mapping[str, int] = attrs.field(factory=dict)
    """Time series of the body to their channels."""
    image_channels: int = 0
    audio_channels: int = 0
    history_labels: int = 0
    culture_labels: int = 0
    affect_labels: int = 0

    @property
    def modalities(self) -> int:
        """Beside the text."""
        return sum(map(bool, (self.series, self.image_channels, self.audio_channels)))


class CrossModalAttention(nn.Module):
    """Every chunk of the text looks at all chunks and at the other modalities that the record has."""

    def __init__(self, modalities: int, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.kinds = nn.Parameter(torch.empty(modalities, width))
        nn.init.normal_(self.kinds, std=0.1)
        self.attention = Attention(width, width, width, heads)
        self.dropout = RecordDropout(dropout)
        self.norm = nn.LayerNorm(width)

    def forward(self, sequence: Tensor, mask: Tensor, tokens: Tensor, there: Tensor) -> Tensor:
        """Chunks (B, T, W) with mask, tokens (B, M, W) and which are there (B, M) to (B, T, W)."""
        memory = torch.cat([sequence, tokens + self.kinds], 1)
        seen = self.attention(sequence, memory, torch.cat([mask, there], 1))
        return self.norm(sequence + self.dropout(seen))  # type: ignore[no-any-return] # nn.Module.__call__ gives Any

    def grow_from(self, smaller: CrossModalAttention, stream: Axis) -> None:
        """Take over what a smaller one computes."""
        grow_own(self, smaller, stream)
        grow_attention(self.attention, smaller.attention, stream, stream, stream)
        grow_norm(self.norm, smaller.norm, stream)


class CulturalNuance(nn.Module):
    """One deep reading, seen by each culture, fused: (B, W) to (B, W)."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.deep = trunk(width, width * 4 // 3, width, width, dropout=dropout)
        self.views = ParallelMlp(len(CULTURES), width, width, width // 2, width, dropout=dropout)
        self.fusion = trunk(len(CULTURES) * width, 2 * width, width, dropout=dropout)

    def forward(self, state: Tensor) -> Tensor:
        return self.fusion(self.views(self.deep(state)).flatten(1))  # type: ignore[no-any-return] # as above

    def grow_from(self, smaller: CulturalNuance, stream: Axis) -> None:
        """Take over what a smaller one computes."""
        views = grow_chain(self.views, smaller.views, grow_chain(self.deep, smaller.deep, stream))
        grow_chain(self.fusion, smaller.fusion, Axis.joined(*[views] * len(CULTURES)), stream)


class AdvancedEmotion(nn.Module):
    """Emotion distribution of a record.

    Args:
        width_in: D of the embedding.
        width: W of a chunk and of every modality; all others are fixed ratios of it.
        heads: Attention heads, a divisor of width.
        attention_layers: Transformer layers over the chunks.
        recurrent_layers: Layers of the bidirectional LSTM of the tracker.
        experts: E of the mixture.
        parts: What the data set has.
        position_width: Width of the sinusoids of positions, which divides width; 0 is width.
        dropout: Share of activations dropped in training.
    """

    def __init__(
        self,
        *,
        width_in: int,
        width: int,
        heads: int,
        attention_layers: int,
        recurrent_layers: int,
        experts: int,
        parts: Parts,
        dropout: float,
        position_width: int = 0,
    ) -> None:
        super().__init__()
        waves = position_width or width
        self.text_encoder = TextEncoder(
            width_in=width_in,
            width=width,
            position_width=waves,
            heads=heads,
            layers=attention_layers,
            dropout=dropout,
        )
        self.biometric = BiometricProcessor(parts.series, width, waves) if parts.series else None
        self.image = image_encoder(parts.image_channels, width, waves) if parts.image_channels else None
        self.audio = AudioEncoder(parts.audio_channels, width, waves) if parts.audio_channels else None
        modalities = parts.modalities
        self.cross_modal = CrossModalAttention(modalities, width, heads, dropout) if modalities else None
        self.pool = AttentionPooling(width, max(width // 4, 1))
        self.history = HistoryEncoder(parts.history_labels, width) if parts.history_labels else None
        self.tracker = TemporalTracker(width, recurrent_layers)
        self.memory = EmotionMemory(width)
        self.trend = Trend(width, parts.emotions, parts.affect_labels, dropout)
        self.cultural_nuance = CulturalNuance(width, dropout)
        self.culture = mlp(width, parts.culture_labels) if parts.culture_labels else None
        self.norm = nn.LayerNorm(width)
        self.mixture = Mixture(
            experts, width, width // 2, width // 4, parts.emotions, gate_hidden=width // 2, dropout=dropout
        )

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """(B, T, D) and signals, NaN where missing, to "emotion", "emotion_logits" (B, L), "gate" (B, E) and more."""
        mask = inputs["mask"]
        sequence = self.fused(inputs)
        state = self.pool(sequence, mask).squeeze(1)
        steps, known = (sequence, mask) if self.history is None else self.history(inputs["history"], state)
        tracked, course = self.tracker(steps, known)
        memory = self.memory(tracked, known)
        nuance = self.cultural_nuance(state)
        mixed, gate = self.mixture(self.norm(state + course + memory + nuance))
        tendency, affect = self.trend(course, memory)
        logits = mixed + tendency
        outputs = {"emotion": logits.softmax(-1), "emotion_logits": logits, "gate": gate}
        if self.culture is not None:
            outputs["culture"] = self.culture(nuance).sigmoid()
        if affect is not None:
            outputs["affect"] = affect
        return outputs

    def fused(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """The chunks, each with what it sees of the other modalities: (B, T, W)."""
        sequence: Tensor = self.text_encoder(inputs["embedding"], inputs["mask"])
        if self.cross_modal is None:
            return sequence
        found = []
        if self.biometric is not None:
            found.append(self.biometric(inputs))
        if self.image is not None:
            found.append(self.image(inputs["image"]))
        if self.audio is not None:
            found.append(self.audio(inputs["audio"]))
        tokens = torch.stack([vector for vector, _ in found], 1)
        there = torch.stack([present for _, present in found], 1)
        fused: Tensor = self.cross_modal(sequence, inputs["mask"], tokens, there)
        return fused

    def grow_from(self, smaller: AdvancedEmotion) -> None:
        """Take over what a smaller one computes.

        The stream is repeated half by half, as the tracker adds the states of its two directions to it.
        """
        (old,), (new,) = smaller.norm.normalized_shape, self.norm.normalized_shape
        stream = Axis.joined(*[Axis.repeated(old // 2, new // 2)] * 2)
        self.text_encoder.grow_from(smaller.text_encoder, stream)
        if self.biometric is not None:
            assert smaller.biometric is not None
            self.biometric.grow_from(smaller.biometric, stream)
        if self.image is not None:
            assert smaller.image is not None
            self.image.grow_from(smaller.image, stream)
        if self.audio is not None:
            assert smaller.audio is not None
            self.audio.frames.grow_from(smaller.audio.frames, stream)
        if self.cross_modal is not None:
            assert smaller.cross_modal is not None
            self.cross_modal.grow_from(smaller.cross_modal, stream)
        grow_pooling(self.pool, smaller.pool, stream)
        if self.history is not None:
            assert smaller.history is not None
            self.history.grow_from(smaller.history, stream)
        self.tracker.grow_from(smaller.tracker, stream)
        self.memory.grow_from(smaller.memory, stream)
        self.trend.grow_from(smaller.trend, stream)
        self.cultural_nuance.grow_from(smaller.cultural_nuance, stream)
        if self.culture is not None:
            assert smaller.culture is not None
            grow_chain(self.culture, smaller.culture, stream)
        grow_norm(self.norm, smaller.norm, stream)
        grow_mixture(self.mixture, smaller.mixture, stream)
