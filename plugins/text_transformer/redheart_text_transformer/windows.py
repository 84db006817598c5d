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
    real: Tensor
    """(M,) bool, False for a window after the text's last one, which an exported graph has."""


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
    exporting = torch.compiler.is_exporting()
    text, place = _all_windows(tokens, room, most) if exporting else _windows(pieces)
    start = place * sizes[text]
    length = torch.minimum(sizes[text], (counts[text] - start).clamp(min=0))
    steps = torch.arange(room if exporting else int(length.max()), device=tokens.device)
    columns = (start[:, None] + steps).clamp(max=tokens.shape[1] - 1)
    inner = steps < length[:, None]
    filled = torch.where(inner, tokens[text[:, None], columns], tokenizer.padding)
    ends = tokens.new_full((text.shape[0], after), tokenizer.padding)
    ids = torch.cat([tokens.new_tensor(tokenizer.before).expand(text.shape[0], -1), filled, ends], 1)
    closing = before + length[:, None] + torch.arange(after, device=tokens.device)
    ids = ids.scatter(1, closing, tokens.new_tensor(tokenizer.after).expand(text.shape[0], -1))
    mask = torch.arange(ids.shape[1], device=tokens.device) < (before + length + after)[:, None]
    return Cut(ids, mask, text, place, place < pieces[text])


def _windows(pieces: Tensor) -> tuple[Tensor, Tensor]:
    """Text and place of the windows that each text has, (B,) to (M,) each."""
    text = torch.arange(len(pieces), device=pieces.device).repeat_interleave(pieces)
    return text, torch.arange(len(text), device=pieces.device) - (pieces.cumsum(0) - pieces)[text]


def _all_windows(tokens: Tensor, room: int, most: int) -> tuple[Tensor, Tensor]:
    """As _windows, as many of each text as one of L tokens has: an exported graph has no sizes that depend on data."""
    batch, columns = tokens.shape
    longest = torch.sym_min(columns, room * most)  # type: ignore[no-untyped-call] # torch gives it no types
    each = (longest + room - 1) // room
    text = torch.arange(batch, device=tokens.device).unsqueeze(1).expand(-1, each)
    place = torch.arange(each, device=tokens.device).expand(batch, -1)
    return text.reshape(-1), place.reshape(-1)
