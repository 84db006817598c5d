"""The 28 labels of GoEmotions as basic emotions after Ekman, by the mapping that comes with GoEmotions."""

from __future__ import annotations

from collections.abc import Mapping

EKMAN: Mapping[str, tuple[str, ...]] = {
    "anger": ("anger", "annoyance", "disapproval"),
    "disgust": ("disgust",),
    "fear": ("fear", "nervousness"),
    "joy": (
        *("joy", "amusement", "approval", "excitement", "gratitude", "love"),
        *("optimism", "relief", "pride", "admiration", "desire", "caring"),
    ),
    "sadness": ("sadness", "disappointment", "embarrassment", "grief", "remorse"),
    "surprise": ("surprise", "realization", "confusion", "curiosity"),
    "neutral": ("neutral",),
}
"""Basic emotion to the labels that count as it; each label counts as exactly one."""


def to_ekman(emotions: Mapping[str, float]) -> dict[str, float]:
    """1 for each basic emotion of which any label is 1, else 0."""
    return {basic: max(emotions[label] for label in labels) for basic, labels in EKMAN.items()}
