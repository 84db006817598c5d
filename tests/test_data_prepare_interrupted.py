"""A store that was interrupted ends up like an uninterrupted one, byte for byte."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import numpy as np
import pytest
import word_store
from numpy.typing import NDArray
from word_store import WordHashEncoder, load, make, refuse, tree, word_hash

from redheart_core import PluginError, StoreError
from redheart_core.data.build import Encoded, Texts, encode_shard
from redheart_core.data.encoding import open_encoder
from redheart_core.data.store import Store
from redheart_core.storage.files import FileError

pytestmark = pytest.mark.usefixtures("quick_disk")


KILL = """
import os, runpy, signal, sys
from contextlib import suppress
from pathlib import Path

make = runpy.run_path(sys.argv[1])["make"]
fsync, replace = os.fsync, os.replace

def die_at(point):
    calls = 0
    def before(call, *args):
        nonlocal calls
        calls += 1
        if calls == point:
            if call is fsync:
                with suppress(OSError):
                    os.ftruncate(args[0], os.fstat(args[0]).st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        if call is replace:
            call(*args)
    os.fsync = lambda handle: before(fsync, handle)
    os.replace = lambda source, target: before(replace, source, target)

point, status = 0, None
while status != 0:
    point += 1
    child = os.fork()
    if child == 0:
        die_at(point)
        make(Path(sys.argv[2]) / f"{point:03d}", shard_records=15)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), status
"""


def test_a_store_killed_at_any_file_operation_is_finished_to_the_same_bytes(tmp_path: Path) -> None:
    make(tmp_path / "whole", shard_records=15)
    whole = tree(tmp_path / "whole")
    killed = tmp_path / "killed"
    killed.mkdir()
    subprocess.run([sys.executable, "-c", KILL, word_store.__file__, str(killed)], check=True, timeout=120)
    folders = sorted(killed.iterdir())
    unfinished = 0
    for folder in folders:
        if not (folder / "index.json").exists():
            unfinished += 1
            with pytest.raises(StoreError, match=r"is unfinished; prepare|holds no embedding store"):
                Store.open(folder)
        make(folder, shard_records=15)
        assert {name: data for name, data in tree(folder).items() if name != ".lock"} == whole
    assert 25 < unfinished < len(folders)


def test_after_an_error_midway_only_the_missing_shards_are_encoded(tmp_path: Path) -> None:
    class Failing(WordHashEncoder):
        calls = 0
        limit = 2

        def encode(self, chunks: Sequence[str]) -> NDArray[np.float32]:
            Failing.calls += len(chunks) > 1  # chunks alone are compared with these
            if Failing.calls > Failing.limit:
                raise ConnectionError("gone")
            return super().encode(chunks)

    def load_failing(folder: Path) -> WordHashEncoder:
        encoder = load(folder)
        return Failing(encoder.width, encoder._words)

    with pytest.raises(ConnectionError, match="gone"):
        make(tmp_path / "a", word_hash(load=load_failing))
    assert len(list((tmp_path / "a").glob("embedding*"))) == 2
    Failing.calls, Failing.limit = 0, 1000
    make(tmp_path / "a", word_hash(fit=refuse, load=load_failing))
    assert Failing.calls == 3
    make(tmp_path / "b")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


@pytest.mark.parametrize("name", ["embedding-00000.safetensors", "encoder/word_hash/words/known.txt"])
def test_a_file_of_an_unfinished_store_that_has_changed_is_made_again(tmp_path: Path, name: str) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        if (stage, done) == ("encode", 12):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "a", progress=stop)
    (tmp_path / "a" / name).write_bytes(b"something else")
    make(tmp_path / "a")
    make(tmp_path / "b")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_a_full_disk_while_the_encoder_is_saved_is_reported_and_can_be_gone_on_from(tmp_path: Path) -> None:
    class Full(WordHashEncoder):
        def save(self, folder: Path) -> None:
            (folder / "half").write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(FileError, match=r"cannot write .*encoder: No space left on device; free some space"):
        make(tmp_path / "a", word_hash(fit=lambda settings, chunks: Full(4, frozenset())))
    make(tmp_path / "a")
    make(tmp_path / "b")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_shards_that_others_encode_are_the_same_and_are_gone_on_from_when_one_is_lost(tmp_path: Path) -> None:
    whole = make(tmp_path / "whole")
    spec, asked = word_hash(), list[int]()

    def elsewhere(shards: Iterator[Texts], most: int) -> Iterator[Encoded]:
        encoder = open_encoder([spec], tmp_path / "store" / "encoder", 30, "float32")
        for number, texts in enumerate(shards):
            if number == most:
                raise StoreError("lost")
            asked.append(len(texts))
            encoded = encode_shard(encoder, texts)
            encoded.vectors.setflags(write=False)  # as what comes out of another process's memory
            yield encoded

    with pytest.raises(StoreError, match="lost"):
        make(tmp_path / "store", encoding=lambda shards: elsewhere(shards, 2))
    assert asked == [6, 6]
    make(tmp_path / "store", encoding=lambda shards: elsewhere(shards, 9))
    assert asked == [6] * len(whole.index.shards), "each shard once"
    assert tree(tmp_path / "store") == tree(tmp_path / "whole")


def test_a_shard_that_depends_on_its_neighbours_is_refused_whoever_encoded_it(tmp_path: Path) -> None:
    def elsewhere(shards: Iterator[Texts]) -> Iterator[Encoded]:
        encoder = open_encoder([word_hash()], tmp_path / "store" / "encoder", 30, "float32")
        for texts in shards:
            encoded = encode_shard(encoder, texts)
            yield attrs.evolve(encoded, deviation=attrs.evolve(encoded.deviation, distance=1.0))

    with pytest.raises(PluginError, match="must not depend on neighbouring chunks"):
        make(tmp_path / "store", encoding=elsewhere)
