"""The same against a server that speaks the protocol of S3, through s3fs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from toy import Toy, group_files, hooks

from redheart.mirroring import sending
from redheart_core.data.store import Store
from redheart_core.runs.mirror import RunMirror, pull_run
from redheart_core.runs.run import RunFolder
from redheart_core.storage.parts import ConflictError
from redheart_core.storage.remote import Remote, RemoteError
from redheart_core.training.loop import train

WITHOUT = "needs s3fs and moto[server], some 300 MB, which are not among the packages of the tests: pip install them"
KEYS = {"AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "made-up", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A folder of a bucket on a server of this process, at the loopback address."""
    s3fs = pytest.importorskip("s3fs", reason=WITHOUT)
    server = pytest.importorskip("moto.server", reason=WITHOUT).ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name, value in {**KEYS, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
            monkeypatch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        s3fs.S3FileSystem().makedirs("bucket", exist_ok=True)
        yield "s3://bucket/run"
        s3fs.S3FileSystem.clear_instance_cache()
    finally:
        server.stop()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # those of the server and its libraries
def test_a_run_in_a_bucket_goes_on_elsewhere_and_a_second_writer_is_refused(toy: Toy, url: str) -> None:
    nodes = [toy.node("a"), toy.node("high", reads=("a.value", "embedding"))]
    store = toy.store(toy.records(80))
    whole, first, second = (RunFolder(toy.folder / name) for name in ("whole", "first", "second"))
    settings: dict[str, Any] = {"epochs": 2, "keep_epochs": 1}
    train(whole, toy.context(nodes, store, **settings), hooks())
    one = RunMirror(Remote.open(url), first)
    one.fetch()
    with sending(one, lambda line: None) as uploads:
        train(first, toy.context(nodes, store, **settings), uploads.over(hooks()), ["a"])
    other = RunMirror(Remote.open(url), second)
    other.fetch()
    other.join("a")
    context = toy.context(nodes, Store.open(second.path / "store"), **settings)
    with sending(other, lambda line: None) as uploads:
        train(second, context, uploads.over(hooks()))
    for name in ("a", "high"):
        assert group_files(second, name) == group_files(whole, name)
    third = RunFolder(toy.folder / "third")
    pull_run(RunMirror(Remote.open(url), third))
    assert group_files(third, "high") == group_files(whole, "high")
    shutil.copytree(second.group("high").path, first.group("high").path)
    manifest = first.group("high").read()
    first.group("high").write(type(manifest)("high", "running", epochs=manifest.epochs))
    with pytest.raises(ConflictError, match=f"another process has written {url}/groups/high.json"):
        one.send_group("high")


@pytest.mark.filterwarnings("default")  # as above
def test_a_bucket_that_is_not_there_is_a_message(tmp_path: Path, url: str) -> None:
    remote = Remote.open("s3://elsewhere/run")
    assert remote.read("run.json") is None
    with pytest.raises(RemoteError, match=r"s3://elsewhere/run/run.json cannot be put: FileNotFoundError: .*bucket"):
        remote.replace("run.json", b"x")
