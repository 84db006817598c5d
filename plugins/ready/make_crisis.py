"""Fit the further voters on signs of a crisis.

    python plugins/ready/make_crisis.py tests/crisis ../shared/data plugins/everyday/redheart_everyday

It needs redheart[ready], runs after `python -m redheart_core.safety.fitting` and takes an hour or two of one
core. The same command on the same machine gives the same files, in redheart_core/safety/weights.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from redheart_core.safety.third_fitting import write_third_voter
from redheart_core.safety.vector_fitting import write_second_voter
from redheart_core.safety.vectors import ENCODER
from redheart_use_multilingual.opening import fit
from redheart_use_multilingual.settings import UseMultilingualSettings

TOGETHER = 64


def main(cases: str, data: str, everyday: str) -> None:
    """Encode the cases and write the weights of both further voters."""
    torch.set_num_threads(1)  # so that the number of cores changes no bit
    encoder = fit(UseMultilingualSettings(), [])
    assert encoder.revision == ENCODER

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        parts = [encoder.encode(texts[start : start + TOGETHER]) for start in range(0, len(texts), TOGETHER)]
        return np.concatenate(parts)

    left, comments = write_second_voter(Path(cases), Path(data), Path(everyday), encode)
    write_third_voter(Path(cases), Path(data), Path(everyday), left["en"], comments["en"])


if __name__ == "__main__":
    main(*sys.argv[1:])
