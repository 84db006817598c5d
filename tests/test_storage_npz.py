"""Arrays of NPZ files: equal to NumPy's, refused when damaged, and readable by several threads at once."""

import gc
import io
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from redheart_core.storage.npz import read_npz

ARRAYS: dict[str, Any] = {
    "rows": np.arange(12, dtype=np.float32).reshape(3, 4),
    "columns": np.asfortranarray(np.arange(6, dtype=np.int8).reshape(2, 3)),
    "number": np.float64(2.5),
    "none": np.ones((0, 3), np.uint16),
    "words": np.array(["a", "bcd"]),
}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_those_that_were_saved(save: Callable[..., None], tmp_path: Path) -> None:
    save(tmp_path / "some.npz", **ARRAYS)
    found = read_npz(tmp_path / "some.npz")
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_a_long_header_is_read() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, archive.open("x.npy", "w") as member:
        np.lib.format.write_array(member, np.ones(3), version=(2, 0))
    np.testing.assert_array_equal(read_npz(file)["x"], np.ones(3))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda whole: whole[:-8], r"array 'x' of shape \(3,\) expects 24 bytes, the file has 16"),
        (lambda whole: b"no array" + whole[8:], "magic string is not correct"),
        (lambda whole: whole.replace(b"(3,)", b"(3;)"), "Cannot parse header"),
    ],
)
def test_a_damaged_array_is_refused(content: Callable[[bytes], bytes], message: str) -> None:
    whole, file = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array(whole, np.ones(3))
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", content(whole.getvalue()))
    with pytest.raises(ValueError, match=message):
        read_npz(file)


def test_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", allow_pickle=True, x=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="array 'x' holds Python objects"):
        read_npz(tmp_path / "some.npz")


@contextmanager
def collecting_garbage_hands_over() -> Iterator[None]:
    """Other threads run whenever garbage is collected, as they do where something that is collected closes a file."""

    def hand_over(phase: str, info: dict[str, int]) -> None:
        time.sleep(1e-5)

    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    gc.callbacks.append(hand_over)
    sys.setswitchinterval(1e-6)
    gc.set_threshold(2)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        sys.setswitchinterval(interval)
        gc.callbacks.remove(hand_over)


def test_threads_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "some.npz"
    np.savez(path, **ARRAYS)

    def many(_: int) -> None:
        for _ in range(60):
            read_npz(path)

    with collecting_garbage_hands_over(), ThreadPoolExecutor(4) as threads:
        list(threads.map(many, range(4)))
