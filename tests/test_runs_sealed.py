"""Every changed bit of a run file or manifest is an error that names the file, and so is every other damage."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redheart_core import CheckpointError, RedheartError
from redheart_core.models.manifest import read_manifest
from redheart_core.runs.readings import count_reading, read_readings
from redheart_core.runs.run import RunFolder
from redheart_core.storage.sealed import read_sealed, write_sealed

READERS: dict[str, Callable[[Path], object]] = {
    "run.json": lambda run: RunFolder(run).read(),
    "groups/backbone/manifest.json": lambda run: RunFolder(run).group("backbone").read(),
    "model/manifest.json": lambda run: read_manifest(run / "model"),
}
DAMAGES = {
    "empty": lambda data: b"",
    "half": lambda data: data[: len(data) // 2],
    "nested": lambda data: b"[" * 100_000,
    "a list": lambda data: b"[1, 2]",
    "a number": lambda data: b"3",
    "no UTF-8": lambda data: b"\xff\xfe" + data,
    "not a number": lambda data: data.replace(b'"format": ', b'"format": NaN, "other": ', 1),
    "a key twice": lambda data: data.replace(b'"format": ', b'"format": 1, "format": ', 1),
    "no seal": lambda data: json.dumps({k: v for k, v in json.loads(data).items() if k != "seal"}).encode(),
    "another layout": lambda data: json.dumps(json.loads(data)).encode(),
    "more at the end": lambda data: data + b"\n",
}


@pytest.mark.parametrize("file", READERS)
def test_no_flipped_bit_passes(made: Any, file: str) -> None:
    path, draw = made.path / file, random.Random(0)
    whole, read = path.read_bytes(), READERS[file]
    read(made.path)
    for place in draw.sample(range(8 * len(whole)), 200):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(bytes(flipped))
        with pytest.raises(CheckpointError, match=path.name):
            read(made.path)
    path.write_bytes(whole)
    read(made.path)


@pytest.mark.parametrize("file", READERS)
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_every_damage_is_one_error_that_says_what_to_do(made: Any, file: str, damage: Callable[[bytes], bytes]) -> None:
    path = made.path / file
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RedheartError, match=rf"{path.name} is damaged: .*; (restore it from a copy|remove)"):
        READERS[file](made.path)


def test_a_torn_last_line_of_a_log_is_passed_over_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    assert [count_reading(tmp_path) for _ in range(3)] == [1, 2, 3]
    file = tmp_path / "test_reads.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole[:-5])
    assert len(read_readings(tmp_path)) == 2
    assert count_reading(tmp_path) == 3
    changed = bytearray(whole)
    changed[20] ^= 1
    file.write_bytes(bytes(changed))
    with pytest.raises(CheckpointError, match=r"test_reads\.jsonl line 1 is damaged"):
        count_reading(tmp_path)


@pytest.mark.parametrize("table", [{"a": 1, "kind": "x"}, {"kind": "x", "the last key": ['\n "seal": "none"']}])
def test_the_seal_is_taken_away_wherever_its_key_stands(tmp_path: Path, table: dict[str, Any]) -> None:
    path = tmp_path / "file.json"
    write_sealed(path, table)
    assert read_sealed(path, "make it anew") == table
    path.write_bytes(path.read_bytes().replace(b"x", b"y", 1))
    with pytest.raises(CheckpointError, match=r"its contents and its seal \(SHA-256\) disagree; make it anew"):
        read_sealed(path, "make it anew")
