"""Long texts in windows that an encoder can read at once.

Shapes: B texts, L tokens, M windows of all texts, W tokens of a window with its frame.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from redheart_core.contract.data import Tokenizer


class Cut(NamedTuple):
    """B texts as M windows, in order."""

    ids: Tensor
    """(M, W) int64 with frames, the padding token after a window's last one."""
    mask: Tensor
    """(M, W) bool, True for real tokens."""
    text: Tensor
    """(M,) int64, the text that a window belongs to."""
    place: Tensor
    """(M,) int64, its place among the text's windows."""


def cut(tokens: Tensor, tokenizer: Tokenizer, window: int, most: int) -> Cut:
    """Cut texts into windows of nearly equal length.

    Args:
        tokens: (B, L) int64, -1 after a text's last token.
        tokenizer: Frames each window.
        window: Longest window with its frame.
        most: Windows of a text, at most; the rest of it is left out.
    """
    before, after = len(tokenizer.before), len(tokenizer.after)
    room = window - before - after
    counts = (tokens >= 0).sum(1).clamp(max=room * most)
    pieces = ((counts + room - 1) // room).clamp(min=1)
    sizes = (counts + pieces - 1) // pieces
    places = torch.arange(pieces.max().item(), device=tokens.device)
    text, place = (places < pieces.unsqueeze(1)).nonzero(as_tuple=True)
    start = place * sizes[text]
    length = torch.minimum(sizes[text], (counts[text] - start).clamp(min=0))
    steps = torch.arange(length.max().item(), device=tokens.device)
    columns = (start[:, None] + steps).clamp(max=tokens.shape[1] - 1)
    inner = steps < length[:, None]
    filled = torch.where(inner, tokens[text[:, None], columns], tokenizer.padding)
    ends = tokens.new_full((text.shape[0], after), tokenizer.padding)
    ids = torch.cat([tokens.new_tensor(tokenizer.before).expand(text.shape[0], -1), filled, ends], 1)
    closing = before + length[:, None] + torch.arange(after, device=tokens.device)
    ids = ids.scatter(1, closing, tokens.new_tensor(tokenizer.after).expand(text.shape[0], -1))
    mask = torch.arange(ids.shape[1], device=tokens.device) < (before + length + after)[:, None]
    return Cut(ids, mask, text, place)
