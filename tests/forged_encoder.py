"""Forgeries of a folder that the encoder sentence_transformer saved, sealed again as whoever forges it would."""

from __future__ import annotations

import json
from pathlib import Path

from sealed_files import change

from redheart_core.storage.files import sha256


def hashes_below(folder: Path, but: str = "") -> dict[str, str]:
    """Every file below a folder with its SHA-256; a link to a file counts as one."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {name: sha256(path) for path in files if (name := path.relative_to(folder).as_posix()) != but}


def seal(folder: Path) -> None:
    """Write the encoder's manifest anew."""
    change(folder / "encoder.json", lambda table: table.update(files=hashes_below(folder, "encoder.json")))


def forge(folder: Path, **changes: str) -> None:
    """Change the last entry of modules.json."""
    modules = json.loads((folder / "model" / "modules.json").read_bytes())
    modules[-1].update(changes)
    (folder / "model" / "modules.json").write_text(json.dumps(modules))


def write_code(folder: Path, marker: Path) -> None:
    """A module forged.py that leaves a marker when it runs."""
    (folder / "forged.py").write_text(f"open({str(marker)!r}, 'w').close()\nclass Forged: ...\n")
