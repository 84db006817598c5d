"""A run that is kept in an object store too: what a training needs to go on elsewhere.

The parts are run.json with the weights that groups begin with, the store, and each group: groups come from different
machines to the same place and never touch each other's part. Logs are kept by writer and joined line by line.
"""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

import attrs

from redheart_core.contract.errors import CheckpointError
from redheart_core.data.index import STORE_INDEX
from redheart_core.runs.accounts import AUDIT, Audit, ParameterAccount, add_accounts
from redheart_core.runs.description import RUN_DESCRIPTION, RunDescription
from redheart_core.runs.manifest import GROUP_MANIFEST, GroupManifest
from redheart_core.runs.run import RunFolder
from redheart_core.storage.files import make_folder, read_bytes, remove_file, write_bytes
from redheart_core.storage.locks import claimed, updating
from redheart_core.storage.parts import Moved, PartIndex, part_of, pull_part, push_part, read_document
from redheart_core.storage.remote import Remote

RUN, STORE = "run", "store"
LOGS = ("events.jsonl", "test_reads.jsonl")
_TIMES = ("timestamp", "time")
_ORDER = ("running", "stopped", "finished")


@attrs.define(eq=False)
class RunMirror:
    """A run in a folder and in an object store."""

    remote: Remote
    run: RunFolder
    _known: dict[str, tuple[PartIndex | None, ...]] = attrs.field(factory=dict, init=False)
    """What the index of each part may be as far as this process knows: what it has read or put, or has tried to put."""
    _accounts: dict[str, tuple[ParameterAccount, ...]] = attrs.field(factory=dict, init=False)
    """What audit.json said of each group when it was sent."""

    def fetch(self, *, heal: bool = False) -> Moved:
        """Bring run.json, the store and the logs into the folder, if there is a run in the object store.

        Args:
            heal: Whether files of a run that is in the folder already are compared and replaced too.

        Raises:
            CheckpointError: The folder holds a run that was begun otherwise.
            RemoteError: The store does not answer, or what it holds is damaged.
        """
        theirs = self._described()
        if theirs is None:
            return Moved()
        mine = self.run.read() if self.run.exists else None
        whole = mine is not None and _has_all_of(mine, theirs, self.remote.url)
        moved = Moved()
        if heal or not whole:
            store = mine.data.store if mine is not None and whole else STORE
            moved += pull_part(self.remote, STORE, self.run.path / store)[1]
        if not whole:
            moved += pull_part(self.remote, RUN, self.run.path)[1]
        self._join_logs()
        return moved

    def send(self) -> Moved:
        """Send run.json and the store of a run that was begun, unless they are there.

        Raises:
            CheckpointError: Another run is there, or a file of this one is damaged.
            RemoteError: The store does not answer.
        """
        mine, theirs = self.run.read(), self._described()
        if theirs is not None and (
            not _has_all_of(mine, theirs, self.remote.url) or set(mine.groups) == set(theirs.groups)
        ):
            return Moved()
        store = self.run.path / mine.data.store
        files = {name: entry.sha256 for name, entry in sorted(STORE_INDEX.read(store / "index.json").files.items())}
        moved = self._push(STORE, store, files, "index.json", read_bytes(store / "index.json"))
        starts = {f"starts/{name}.safetensors": digest for name, digest in sorted(mine.starts.items())}
        there = attrs.evolve(mine, data=attrs.evolve(mine.data, store=STORE))
        return moved + self._push(RUN, self.run.path, starts, "run.json", RUN_DESCRIPTION.to_bytes(there))

    def join(self, name: str, *, heal: bool = False) -> Moved:
        """Bring a group in the folder to where it is in the object store, unless it is further or at work already.

        Args:
            name: Of the group.
            heal: Whether the files of a group that is as far are compared and replaced too.

        Raises:
            CheckpointError: They have gone different ways, or the manifest in the folder is damaged.
            RemoteError: The store does not answer, or what it holds is damaged.
        """
        part, folder = f"groups/{name}", self.run.group(name)
        found = read_document(self.remote, part)
        self._known[part] = (None if found is None else found[0],)
        if found is None:
            return Moved()
        theirs = GROUP_MANIFEST.parse(found[1], f"{self.remote.url}/{part}/manifest.json")
        make_folder(self.run.path)
        with claimed(self.run.path, f"group-{name}") as free:
            if not free:  # another process here trains it, and is further
                return Moved()
            mine = folder.read() if folder.manifest_file.exists() else None
            if mine == theirs and not heal:
                return Moved()
            if mine is not None and mine != theirs:
                if _follows(mine, theirs):
                    return Moved()
                if not _follows(theirs, mine):
                    raise CheckpointError(
                        f"group '{name}' has gone different ways in {self.run.path} and in {self.remote.url}: the "
                        f"epochs that both have differ. Remove {folder.path} to take over what is there, or choose "
                        "another URL for this run"
                    )
            index, moved = pull_part(self.remote, part, folder.path)
            self._known[part] = (index,)
            self._join_accounts(name)
            for file in sorted((mine.files if mine is not None else frozenset()) - folder.read().files):
                remove_file(folder.path / file)
        return moved

    def send_group(self, name: str) -> Moved:
        """Send the epochs of a group that are not there, and drop those that retention has removed.

        Raises:
            ConflictError: Another process has written the group since this one looked.
            CheckpointError: A file is missing or damaged.
            RemoteError: The store does not answer.
        """
        folder = self.run.group(name)
        while folder.manifest_file.exists():
            manifest = folder.read()
            files, document = dict(sorted(manifest.digests.items())), GROUP_MANIFEST.to_bytes(manifest)
            try:
                moved = self._push(f"groups/{name}", folder.path, files, folder.manifest_file.name, document)
                self._send_accounts(name)
                return moved
            except CheckpointError:
                if folder.read() == manifest:
                    raise  # else a newer epoch has retired the file
        return Moved()

    def _send_accounts(self, name: str) -> None:
        """What audit.json says of a group, which is the same whichever process trains it."""
        found = AUDIT.read_if_there(self.run.path / "audit.json")
        accounts = () if found is None else tuple(one for one in found.accounts if one.group == name)
        if accounts and self._accounts.get(name) != accounts:
            self.remote.replace(f"audits/{name}.json", AUDIT.to_bytes(Audit(accounts)))
            self._accounts[name] = accounts

    def _join_accounts(self, name: str) -> None:
        data = self.remote.read(f"audits/{name}.json")
        if data is not None:
            found = AUDIT.parse(data, f"{self.remote.url}/audits/{name}.json")
            add_accounts(self.run.path, found.accounts, [name], list(self.run.read().groups))

    def send_logs(self) -> None:
        """Send the lines of the logs.

        Raises:
            RemoteError: The store does not answer.
        """
        for log in LOGS:
            lines = _lines(self.run.path / log)
            if lines:
                self.remote.replace(f"logs/{log}/{platform.node()}-{os.getpid()}", b"".join(lines))

    def lines(self, log: str) -> list[bytes]:
        """The whole lines that all writers have sent of a log, those of one in their order.

        Raises:
            RemoteError: The store does not answer.
        """
        writers = self.remote.names(f"logs/{log}")
        return [line for one in writers for line in _whole(self.remote.read(f"logs/{log}/{one}") or b"")]

    def _join_logs(self) -> None:
        for log in LOGS:
            found = self.lines(log)
            with updating(self.run.path):
                mine = _lines(self.run.path / log)
                if not set(found) <= set(mine):
                    joined = sorted({*mine, *found}, key=lambda line: (_time(line), line))
                    write_bytes(self.run.path / log, b"".join(joined))

    def _described(self) -> RunDescription | None:
        """run.json in the object store."""
        run, store = read_document(self.remote, RUN), read_document(self.remote, STORE)
        self._known[RUN], self._known[STORE] = (run and run[0],), (store and store[0],)
        return None if run is None else RUN_DESCRIPTION.parse(run[1], f"{self.remote.url}/run.json")

    def _push(self, name: str, folder: Path, files: dict[str, str], document: str, data: bytes) -> Moved:
        part = part_of(files, document, data)
        known = self._known.get(name, (None,))
        self._known[name] = (*known, part)  # a put that breaks off may have arrived
        moved = push_part(self.remote, name, folder, part, data, known)
        self._known[name] = (part,)
        return moved


def push_run(mirror: RunMirror) -> Moved:
    """Send a whole run: run.json, the store, all groups, the logs.

    Raises:
        CheckpointError: Another run is there, or is further, or a file of this one is damaged.
        RemoteError: The store does not answer.
    """
    moved = mirror.send()
    for name in mirror.run.read().groups:
        mirror.join(name)
        moved += mirror.send_group(name)
    mirror.send_logs()
    return moved


def pull_run(mirror: RunMirror) -> Moved:
    """Fetch a whole run; files in the folder that are damaged are replaced.

    Raises:
        CheckpointError: The folder holds another run, or a group there has gone another way.
        RemoteError: The store does not answer, or what it holds is damaged.
    """
    moved = mirror.fetch(heal=True)
    for name in mirror.run.read().groups:
        moved += mirror.join(name, heal=True)
    return moved


def _has_all_of(mine: RunDescription, theirs: RunDescription, url: str) -> bool:
    """Whether the run in the folder has all groups of the one in the object store; else that has all of the folder's.

    Raises:
        CheckpointError: They were begun otherwise.
    """
    if set(theirs.groups) <= set(mine.groups):
        theirs.require_same(mine, url)
        return True
    mine.require_same(theirs, url)
    return False


def _follows(later: GroupManifest, earlier: GroupManifest) -> bool:
    """Whether one state of a group goes on from another: the epochs that both have are the same, and it is as far."""
    epochs = {entry.epoch: entry.sha256 for entry in later.epochs}
    same = all(epochs.get(entry.epoch, entry.sha256) == entry.sha256 for entry in earlier.epochs)
    return same and _far(later) >= _far(earlier)


def _far(manifest: GroupManifest) -> tuple[int, int]:
    return (manifest.epochs[-1].epoch if manifest.epochs else -1, _ORDER.index(manifest.status))


def _lines(file: Path) -> list[bytes]:
    """The whole lines of a log; none if there is no file."""
    return _whole(read_bytes(file)) if file.exists() else []


def _whole(data: bytes) -> list[bytes]:
    *lines, _ = data.split(b"\n")
    return [line + b"\n" for line in lines]


def _time(line: bytes) -> str:
    """When a line was written; lines that say nothing of it, which readers of the log refuse, come first."""
    try:
        table = json.loads(line)
    except ValueError:
        return ""
    return next((str(table[key]) for key in _TIMES if isinstance(table, dict) and key in table), "")
