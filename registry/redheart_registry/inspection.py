"""What each installed package offers and whether it works, without importing any of them in this process."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs

from redheart_core import PluginError
from redheart_core.discovery.entries import Entry, check_entry
from redheart_core.discovery.offers import KINDS
from redheart_registry.cache import read_cache, write_cache

TIMEOUT_S = 120.0
"""After that long a plugin's import counts as hanging."""

# The worker takes over this process's sys.path; -P keeps the working directory off it until then.
_START_WORKER = """
import json, sys
job = json.load(sys.stdin)
sys.path[:] = job["path"]
from redheart_registry.worker import main
main(job["entries"])
"""


@attrs.frozen
class Offer:
    """One plugin of a package, as far as a list shows it."""

    name: str
    kind: str = ""
    """Empty if nothing is known, as the package cannot be imported."""
    meaning: str = ""
    group: str = ""
    """The checkpoint group that a node asks for; empty for other kinds."""
    reads: tuple[str, ...] = ()
    """Of a node."""
    targets: tuple[str, ...] = ()
    """Of a node."""
    adds_nothing: str = ""
    """Of a node, see NodeSpec."""
    broken: str = ""
    """Why this one cannot be used; empty if it can."""


@attrs.frozen
class Inspection:
    """What importing a package's module has shown."""

    offers: tuple[Offer, ...] = ()
    broken: str = ""
    """Why nothing of it can be used; empty if its hooks could be called."""

    @property
    def works(self) -> bool:
        """Whether all of it can be used."""
        return not self.broken and not any(offer.broken for offer in self.offers)


def inspect_entries(
    entries: Sequence[Entry], timeout_s: float = TIMEOUT_S, again: bool = True
) -> dict[Entry, Inspection]:
    """Inspect packages in a subprocess; what has not changed since comes from the user's cache folder.

    Args:
        entries: What to inspect.
        timeout_s: After that long an import counts as hanging.
        again: Inspect what was broken again: it may have been repaired without a change of its own files.
    """
    inspections: dict[Entry, Inspection] = {}
    sound = []
    for entry in entries:
        try:
            check_entry(entry)
        except PluginError as error:
            inspections[entry] = Inspection(broken=str(error))
        else:
            sound.append(entry)
    surroundings, keys = _surroundings(), {entry: _key(entry) for entry in sound}
    cached = _read_known(surroundings)
    for entry, key in keys.items():
        if key in cached and (cached[key].works or not again):
            inspections[entry] = cached[key]
    stale = [entry for entry in sound if entry not in inspections]
    if stale:
        inspections |= _inspect(stale, timeout_s)
        _write_known(surroundings, {key: inspections[entry] for entry, key in keys.items()})
    return {entry: inspections[entry] for entry in entries}


def _inspect(entries: Sequence[Entry], timeout_s: float) -> dict[Entry, Inspection]:
    """All in one subprocess; those that it did not reach or finish in one each."""
    found, death = _run_worker(entries, timeout_s)
    left = [entry for entry in entries if entry not in found]
    for entry in left:
        if len(entries) > 1:
            alone, death = _run_worker([entry], timeout_s)
            found |= alone
        if entry not in found:
            found[entry] = Inspection(broken=f"{entry.owner()} cannot be imported: {death}")
    return found


def _run_worker(entries: Iterable[Entry], timeout_s: float) -> tuple[dict[Entry, Inspection], str]:
    """What the worker printed, a line a package, and how it ended before the last one."""
    import subprocess  # usually everything is cached

    job = json.dumps({"path": sys.path, "entries": [attrs.asdict(entry) for entry in entries]})
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", _START_WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    try:
        output, errors = process.communicate(job, timeout=timeout_s)
        death = _how_it_ended(process.returncode, errors)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
        death = f"it did not finish within {timeout_s:g} s"
    finally:
        process.kill()  # if this process is interrupted; one that has ended is left alone
    found = {}
    for line in output.splitlines():
        entry, result = json.loads(line)
        found[Entry(**entry)] = read_inspection(result)
    return found, death


def _how_it_ended(code: int, errors: str) -> str:
    import signal

    if code < 0:
        return f"it ended Python with {signal.Signals(-code).name}"
    last = errors.strip().splitlines()[-1:] or ["no message"]
    return f"it ended Python with exit code {code} ({last[0]})"


def _surroundings() -> list[str]:
    """What every inspection depends on: Python, redheart's own files, and what pip has changed."""
    own = [*_files("redheart_core"), *_files("redheart_registry")]
    return [sys.version, *_site_packages(), *own]


def _key(entry: Entry) -> str:
    """A text that changes with the plugin."""
    parts = [entry.name, entry.module, entry.distribution, entry.version, *_files(entry.module.partition(".")[0])]
    return "\n".join(parts)


def _site_packages() -> list[str]:
    """The folders that pip changes, with their times: a dependency may have come or gone."""
    folders = [Path(path) for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    return [f"{folder} {folder.stat().st_mtime_ns}" for folder in folders if folder.is_dir()]


def _files(package: str) -> list[str]:
    """Name, size and time of each Python file of a top-level package, which is not imported."""
    spec = find_spec(package)
    if spec is None:
        return ["not found"]
    if spec.submodule_search_locations is None:
        return [_stamp(spec.origin)] if spec.origin and os.path.isfile(spec.origin) else []
    stamps = []
    for root in spec.submodule_search_locations:
        for folder, subfolders, files in os.walk(root):
            subfolders[:] = sorted(name for name in subfolders if name != "__pycache__")
            stamps += [_stamp(os.path.join(folder, name)) for name in sorted(files) if name.endswith(".py")]
    return stamps


def _stamp(path: str) -> str:
    status = os.stat(path)
    return f"{path} {status.st_size} {status.st_mtime_ns}"


def _read_known(surroundings: list[str]) -> dict[str, Inspection]:
    """Earlier inspections by key; empty if there are none or the file is damaged."""
    raw = read_cache("plugins")
    try:
        if raw["surroundings"] != surroundings:
            return {}
        return {key: read_inspection(value) for key, value in raw["plugins"].items()}
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}


def read_inspection(value: Any) -> Inspection:
    """An inspection out of its JSON.

    Raises:
        ValueError: It is none; so do KeyError and TypeError say.
    """
    offers = tuple(
        Offer(**{**offer, "reads": tuple(offer["reads"]), "targets": tuple(offer["targets"])})
        for offer in value["offers"]
    )
    if any(offer.kind not in KINDS for offer in offers) or not isinstance(value["broken"], str):
        raise ValueError("no inspection")
    return Inspection(offers, value["broken"])


def _write_known(surroundings: list[str], inspections: Mapping[str, Inspection]) -> None:
    plugins = {key: attrs.asdict(value) for key, value in inspections.items()}
    write_cache("plugins", {"surroundings": surroundings, "plugins": plugins})
