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

from redheart_core.storage.npz import ArrayRows, read_npz, stored_arrays

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


def test_stored_arrays_are_looked_at_in_place(tmp_path: Path) -> None:
    arrays = {name: array for name, array in ARRAYS.items() if name != "columns"}
    np.savez(tmp_path / "some.npz", **arrays)
    found = stored_arrays((tmp_path / "some.npz").read_bytes())
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert not found[name].flags.owndata
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize(
    ("save", "array"), [(np.savez_compressed, np.ones(3)), (np.savez, np.asfortranarray(np.ones((2, 3))))]
)
def test_arrays_that_do_not_lie_there_are_refused(save: Callable[..., None], array: Any, tmp_path: Path) -> None:
    save(tmp_path / "some.npz", x=array)
    with pytest.raises(ValueError, match="array 'x' is compressed or has its columns first; read it with read_npz"):
        stored_arrays((tmp_path / "some.npz").read_bytes())


def test_rows_are_unpacked_up_to_the_last_one_that_was_asked_for(tmp_path: Path) -> None:
    whole = np.arange(1000 * 1024, dtype=np.int32).reshape(1000, 1024)
    np.savez_compressed(tmp_path / "some.npz", x=whole)
    with zipfile.ZipFile(tmp_path / "some.npz") as archive:
        rows = ArrayRows(archive, "x")
        assert rows.unpacked == 0
        np.testing.assert_array_equal(rows[70], whole[70])
        assert 70 < rows.unpacked < 200
        for row in (3, 70, 999, 500):
            np.testing.assert_array_equal(rows[row], whole[row])
        assert rows.unpacked == 1000
        with pytest.raises(IndexError):
            rows[1000]


def test_rows_of_a_shortened_array_are_refused_where_they_are_missing() -> None:
    whole, file = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array(whole, np.zeros((400, 512)))
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", whole.getvalue()[:-4096])
    with zipfile.ZipFile(file) as archive:
        rows = ArrayRows(archive, "x")
        assert not rows[0].any()
        with pytest.raises(ValueError, match=r"array 'x' of shape \(400, 512\) expects 1638400 bytes, the file has"):
            rows[399]


@pytest.mark.parametrize("array", [np.ones(3), np.asfortranarray(np.ones((2, 3)))])
def test_rows_of_an_array_without_rows_in_order_are_refused(array: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", x=array)
    with zipfile.ZipFile(tmp_path / "some.npz") as archive, pytest.raises(ValueError, match="row by row"):
        ArrayRows(archive, "x")


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
