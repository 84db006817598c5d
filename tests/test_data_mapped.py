"""Arrays that are larger than memory: spooled to disk, written piece by piece, read memory-mapped."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from numpy.typing import NDArray

from redheart_core.data.mapped import map_tensors, write_array, write_tensors
from redheart_core.data.sampling import draw_rows
from redheart_core.data.spool import Spool


def test_a_spool_gives_back_all_rows_and_leaves_no_file(tmp_path: Path) -> None:
    spool = Spool(np.float32, (2, 3), tmp_path)
    rows = np.random.default_rng(0).normal(size=(7, 2, 3)).astype(np.float32)
    for start in (0, 2, 3):
        spool.append(rows[start : {0: 2, 2: 3, 3: 7}[start]])
    assert len(spool) == 7
    found = spool.array()
    assert np.array_equal(found, rows)
    found[:] = 0.0
    assert np.array_equal(spool.array(), rows)
    assert os.listdir(tmp_path) == []
    assert not spool.in_file
    assert Spool(np.int64).array().shape == (0,)
    assert Spool(np.float32, (0,)).array().shape == (0, 0)


@pytest.mark.parametrize("most", [0, 47, 48, 10**6])
def test_few_rows_are_held_in_memory_and_more_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr("redheart_core.data.spool.IN_MEMORY", most)
    spool, rows = Spool(np.int64, (2,), tmp_path), np.arange(12).reshape(6, 2)
    for start in range(3):
        given = rows[2 * start : 2 * start + 2].copy()
        spool.append(given)
        given[:] = -1
        assert np.array_equal(spool.array(), rows[: 2 * start + 2])
        assert spool.bytes == 32 * (start + 1)
        assert spool.in_file == (spool.bytes > most)


def test_written_tensors_are_read_by_safetensors_and_mapped_alike(tmp_path: Path) -> None:
    arrays: dict[str, NDArray[Any]] = {
        "bytes": np.arange(5, dtype=np.uint8),
        "short": np.arange(7, dtype=np.uint16),
        "whole": np.arange(3, dtype=np.int64),
        "half": np.arange(4, dtype=np.int32).reshape(2, 2),
        "real": np.linspace(0, 1, 9, dtype=np.float32),
        "none": np.empty((0, 3), np.float32),
    }
    digest = write_tensors(tmp_path / "a", arrays)
    assert digest == hashlib.sha256((tmp_path / "a").read_bytes()).hexdigest()
    for read in (safetensors.numpy.load_file(tmp_path / "a"), map_tensors(tmp_path / "a")):
        assert read.keys() == arrays.keys()
        for name, array in arrays.items():
            assert read[name].dtype == array.dtype
            assert np.array_equal(read[name], array)
    assert write_tensors(tmp_path / "b", dict(reversed(arrays.items()))) == digest


def test_a_file_is_whole_or_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_array(tmp_path / "a", np.frombuffer(b"before", np.uint8))

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_array(tmp_path / "a", np.frombuffer(b"after", np.uint8))
    assert (tmp_path / "a").read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["a"]


def test_a_sample_is_drawn_only_where_there_is_too_much_and_by_the_keys_alone() -> None:
    rows, sizes = np.arange(10, 40), np.full(30, 5)

    def key(row: int) -> bytes:
        return hashlib.sha256(str(row).encode()).digest()

    assert np.array_equal(draw_rows(rows, sizes, 150, key), rows)
    drawn = draw_rows(rows, sizes, 52, key)
    assert sorted(drawn.tolist()) == drawn.tolist()
    assert set(drawn.tolist()) == set(sorted(rows.tolist(), key=key)[:10])
    assert len(draw_rows(rows, sizes, 3, key)) == 1
