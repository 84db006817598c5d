"""What half precision of stored vectors costs: ridge regression on EmoBank's development part, and bytes.

python tests/benchmarks/bench_vectors.py ../shared/data/emobank
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from redheart_core.data.text import chunk_text
from redheart_core.exact.ridge import ridge_path
from redheart_emobank import redheart_provide_datasets
from redheart_emobank.settings import EmobankSettings
from redheart_use_multilingual import redheart_provide_encoders
from redheart_use_multilingual.settings import UseMultilingualSettings

CHUNK_CHARS = 200
PENALTY = 3.0
"""The best of 0.3, 1, 3, 10 and 30 by leave-one-out on the training part, in either precision."""


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    (dataset,), (spec,) = redheart_provide_datasets(), redheart_provide_encoders()
    records = list(dataset.records(EmobankSettings(path=folder)))
    chunks = [chunk_text(record.text, CHUNK_CHARS) for record in records]
    vectors = spec.fit(UseMultilingualSettings(), []).encode([chunk for of_record in chunks for chunk in of_record])
    (field,) = dataset.fields(EmobankSettings(path=folder))
    truth = np.array([field.to_numbers(record.values[field.name], record.where) for record in records])
    is_train = np.array([record.split == "train" for record in records])
    starts = np.cumsum([0, *(len(of_record) for of_record in chunks[:-1])])
    for stored in (vectors, vectors.astype(np.float16)):
        counts = np.diff([*starts, len(vectors)])[:, None]
        means = np.add.reduceat(stored.astype(np.float64), starts) / counts
        r = correlations(means, truth, is_train)
        print(
            f"{stored.dtype}: r {', '.join(f'{label} {one:.5f}' for label, one in zip(field.labels, r, strict=True))}, "
            f"mean {r.mean():.5f}; {len(vectors)} chunks take {stored.nbytes / 1e6:.1f} MB"
        )


def correlations(x: NDArray[np.float64], y: NDArray[np.float64], is_train: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Pearson's r of each label on the records that are not for training."""
    (found,) = ridge_path(x[is_train], y[is_train], [PENALTY])
    predicted = x[~is_train] @ found[:-1] + found[-1]
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(predicted.T, y[~is_train].T, strict=True)])


if __name__ == "__main__":
    main()
