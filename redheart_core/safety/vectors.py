"""A second voter, over the vectors of a sentence encoder, beside the words of a text.

A support vector machine with a Gaussian kernel (Cortes and Vapnik 1995), fitted on the written cases of both languages
in vector_fitting.py. It reads vectors that an analysis computes anyway; its score is added to that of the words, and
rules and classifier work without it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

import attrs

from redheart_core.safety.classifier import FOLDER
from redheart_core.storage.npz import read_npz

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ENCODER = "universal-sentence-encoder-multilingual-3 weights 0db566fd0af82cbf"
"""Revision of the encoder whose vectors it was fitted on; it reads no others."""
STEP = 1 / 127
"""The shipped vectors are whole numbers of one byte, of this size."""
FILE = FOLDER / "vectors.npz"


@attrs.frozen(eq=False)
class Kernel:
    """The fitted machine; its numbers are multiples of STEP in shipped arrays."""

    mean: NDArray[np.float32]
    """(D,) of the vectors that it was fitted on."""
    axes: NDArray[np.float32]
    """(D, K) principal axes."""
    support: NDArray[np.float32]
    """(S, K) support vectors on these axes."""
    slopes: NDArray[np.float32]
    """(S,) what each of them speaks for: above 0 for a crisis."""
    bias: float
    width: float
    """Of the kernel: exp(-width * squared distance)."""

    def scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """How much each vector speaks for a crisis, (N, D) to (N,)."""
        import numpy as np

        own = (vectors - self.mean) @ self.axes
        distances = (own**2).sum(1)[:, None] + self._squares - 2 * own @ self.support.T
        return np.asarray(np.exp(-self.width * distances) @ self.slopes + self.bias, np.float64)

    _squares: NDArray[np.float32] = attrs.field(
        init=False, repr=False, default=attrs.Factory(lambda kernel: (kernel.support**2).sum(1), takes_self=True)
    )


@cache
def load_kernel() -> Kernel:
    """The shipped one."""
    import numpy as np

    file = read_npz(FILE)
    axes, support = (file[name].astype(np.float32) * np.float32(STEP) for name in ("axes", "support"))
    return Kernel(file["mean"], axes, support, file["slopes"], float(file["bias"]), float(file["width"]))


def reads_vectors_of(revisions: Iterable[str]) -> bool:
    """Whether it was fitted on the vectors of an encoder whose parts have these revisions."""
    return list(revisions) == [ENCODER]


def score_chunks(vectors: NDArray[np.float32]) -> list[float]:
    """How much each chunk of a text speaks for a crisis.

    Args:
        vectors: (T, D), at least one, by ENCODER.
    """
    return [float(score) for score in load_kernel().scores(vectors)]
