"""Makes the model `ready_dilemmas` from a folder with the published dilemmas of Scruples.

    cd plugins/ready_dilemmas
    python make_dilemmas.py ../../../shared/data/dilemmas -o redheart_ready_dilemmas/model

The same command on the same machine gives the same files.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

import tomli_w

import redheart
from redheart.packing import pack
from redheart.shipped import card


def recipe(data: Path) -> dict[str, Any]:
    """The plugins.toml of the training."""
    return {
        "active": ["dilemmas", "use_multilingual", "preference"],
        "data": {"dataset": "dilemmas", "encoder": "use_multilingual", "terms": 0},
        "plugins": {
            "dilemmas": {"path": str(data)},
            "preference": {"acts": 2048, "half": True, "validation": True},
        },
    }


def make(data: Path, output: Path) -> None:
    """Prepare, fit, assemble, measure on the test split, and pack; the output is replaced."""
    with tempfile.TemporaryDirectory(prefix="redheart-") as folder:
        work = Path(folder)
        plugins = work / "plugins.toml"
        plugins.write_text(tomli_w.dumps(recipe(data)), encoding="utf-8")
        redheart.train(output=work / "run", plugins=plugins).assemble()
        pack(work / "run" / "model", work / "packed")
        if output.exists():
            shutil.rmtree(output)
        output.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(work / "packed", output)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Makes the model `ready_dilemmas`.")
    parser.add_argument("data", type=Path, help="folder with the dilemmas")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the model; replaced")
    parser.add_argument("--card", type=Path, default=Path(__file__).with_name("MODEL_CARD.md"), help="file of its card")
    given = parser.parse_args()
    make(given.data, given.output)
    given.card.write_text(card(given.output), encoding="utf-8")


if __name__ == "__main__":
    main()
