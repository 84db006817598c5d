"""Makes the model `ready_dilemmas` from a folder with the published dilemmas of Scruples and the adapters of `ready`.

    cd plugins/ready_dilemmas
    python make_dilemmas.py ../../../shared/data/dilemmas -o redheart_ready_dilemmas/model

The same command on the same machine gives the same files.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import tomli_w

import redheart
from redheart.packing import pack
from redheart.shipped import Described, card, describe

ADAPTERS = ("text_transformer", "text_transformer_posts")
"""Groups whose adapters serve; that of EmoBank is left out for its licence."""


def recipe(data: Path, adapters: Sequence[Path]) -> dict[str, Any]:
    """The plugins.toml of the training."""
    encoders = ["use_multilingual", "adapted_encoder"]
    return {
        "active": ["dilemmas", *encoders, "preference"],
        "data": {"dataset": "dilemmas", "encoder": encoders, "terms": 0},
        "plugins": {
            "dilemmas": {"path": str(data)},
            "adapted_encoder": {"adapters": [str(path) for path in adapters]},
            "preference": {"acts": 2048, "half": True, "validation": True},
        },
    }


def make(data: Path, adapted: Described, output: Path) -> None:
    """Prepare, fit, assemble, measure on the test split, and pack; the output is replaced."""
    adapters = [adapted.folder / "groups" / f"{group}.safetensors" for group in ADAPTERS]
    with tempfile.TemporaryDirectory(prefix="redheart-") as folder:
        work = Path(folder)
        plugins = work / "plugins.toml"
        plugins.write_text(tomli_w.dumps(recipe(data, adapters)), encoding="utf-8")
        redheart.train(output=work / "run", plugins=plugins).assemble()
        pack(work / "run" / "model", work / "packed")
        if output.exists():
            shutil.rmtree(output)
        output.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(work / "packed", output)


def about_adapters(adapted: Described) -> Iterator[str]:
    """What the encoder's adapters were learnt from, for the card."""
    yield from ("", "## What the encoder was adapted to", "")
    yield "Acts are read by use_multilingual and by all-MiniLM-L6-v2 with two adapters of the model `ready`, which were"
    yield "learnt from other texts and labels. Their licences hold too. Some acts are of anecdotes in scruples, where"
    yield "the votes are on the whole story."
    yield from ("", "| adapter | data set | licence | training records | source |", "|---|---|---|---|---|")
    for group in ADAPTERS:
        for one in adapted.manifest.groups[group].learnt_from:
            yield f"| `{group}` | {one.dataset} | {one.licence} | {one.records:,} | {one.source} |"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Makes the model `ready_dilemmas`.")
    parser.add_argument("data", type=Path, help="folder with the dilemmas")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the model; replaced")
    parser.add_argument("--adapters-of", default="ready", help="the model that has the adapters; `ready` by default")
    parser.add_argument("--card", type=Path, default=Path(__file__).with_name("MODEL_CARD.md"), help="file of its card")
    given = parser.parse_args()
    adapted = describe(given.adapters_of)
    make(given.data, adapted, given.output)
    given.card.write_text(card(given.output) + "\n".join(about_adapters(adapted)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
