"""Batches of texts of like length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def fill_batches(lengths: Sequence[int], most: int) -> list[list[int]]:
    """Places of texts by their length in tokens, in batches that are padded to their longest text.

    Args:
        lengths: Tokens of each text; one of length 0 goes into no batch.
        most: Tokens of a batch with its padding. A text with more is a batch of its own.

    Returns:
        The longest texts first, so that memory is largest at the start; equal lengths in the order of the texts.
    """
    batches: list[list[int]] = []
    room = 0
    for place in np.argsort(-np.asarray(lengths, np.int64), kind="stable").tolist():
        if lengths[place] == 0:
            break
        if room == 0:
            batches.append([])
            room = max(1, most // lengths[place])
        batches[-1].append(place)
        room -= 1
    return batches
