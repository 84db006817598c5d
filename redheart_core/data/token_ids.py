"""The tokens of all texts, on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from redheart_core.data.mapped import map_tensors, narrowest, write_tensors
from redheart_core.data.spool import Spool
from redheart_core.data.tokenizer import TextTokenizer, pad

_BLOCK = 1000
"""Texts that are cut into tokens together."""


class TokenIds:
    """The ids of N texts, memory-mapped."""

    def __init__(self, path: Path) -> None:
        """Open what write_token_ids wrote."""
        tensors = map_tensors(path)
        self._ids, self._starts = tensors["ids"], tensors["starts"]
        self.counts = torch.from_numpy(np.diff(self._starts).astype(np.int64))
        """(N,) int64, how many tokens each text has."""

    def batch(self, rows: Tensor) -> Tensor:
        """(B, L) int64, -1 after a text's last token."""
        places = rows.tolist()
        return pad([self._ids[self._starts[row] : self._starts[row + 1]] for row in places])


def write_token_ids(
    path: Path, tokenizer: TextTokenizer, texts: Iterable[str], scratch: Path, tell: Callable[[int], None]
) -> None:
    """Cut all texts into tokens, a block at a time, and write the file.

    Args:
        path: Where.
        tokenizer: Its vocabulary decides the type of the ids.
        texts: All of them.
        scratch: Folder for unnamed files.
        tell: Called with the number of texts that are done.

    Raises:
        FileError: Disk full or the like.
    """
    ids = Spool(np.uint16 if tokenizer.identity.size <= 1 << 16 else np.int32, (), scratch)
    starts = Spool(np.int64, (), scratch)
    starts.append(np.zeros(1, np.int64))
    done, given = 0, iter(texts)
    while block := list(islice(given, _BLOCK)):
        found = tokenizer.encode(block)
        starts.append(len(ids) + np.cumsum([len(one) for one in found]))
        ids.append(np.concatenate(found))
        done += len(block)
        tell(done)
    write_tensors(path, {"ids": ids.array(), "starts": narrowest(starts.array())})
