"""Makes a model for English and Korean texts, `ready`, from a folder with the published data sets.

    python plugins/ready/make.py ../shared/data -o plugins/ready/redheart_ready/model

The folder holds goemotions, goemotions_ko, kote, scenarios, scruples and emobank as their publishers give them. The
same command on the same machine gives the same files. Stopped at any moment, it goes on where it was.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import tomli_w

import redheart
from redheart.packing import pack
from redheart.shipped import card

LEARNT: Mapping[str, tuple[str, ...]] = {
    "goemotions": ("goemotions", "ekman"),
    "goemotions_ko": ("goemotions", "ekman"),
    "kote": ("kote",),
    "emobank": ("vad",),
    "scenarios": ("emotion", "regret", "bentham", "choice_factors", "votes"),
    "scruples": ("votes",),
}
"""The fields that each data set teaches."""
APART = ("emobank",)
"""Data sets whose licence asks for a group of their own."""
OF: Mapping[str, Mapping[str, str]] = {"linear_apart": {"of": "linear"}}
"""The nodes that are used once more under another name."""
TERMS = 100_000


def recipe(data: Path, datasets: Collection[str], terms: int = TERMS) -> dict[str, Any]:
    """The plugins.toml of the training."""
    groups = {
        "linear": sorted({field for name in datasets if name not in APART for field in LEARNT[name]}),
        "linear_apart": sorted({field for name in datasets if name in APART for field in LEARNT[name]}),
    }
    groups = {group: fields for group, fields in groups.items() if fields}
    node = {"half": True, "choice_records": 15_000}
    return {
        "active": [*datasets, "use_multilingual", *groups],
        "data": {"dataset": "+".join(datasets), "encoder": "use_multilingual", "terms": terms},
        "plugins": {
            **{name: {"path": str(data / name)} for name in datasets},
            **{group: {"learns": fields, **node, **OF.get(group, {})} for group, fields in groups.items()},
        },
        "groups": {group: {"honest": False} for group in groups},
    }


def make(data: Path, work: Path, output: Path, datasets: Collection[str] = tuple(LEARNT), terms: int = TERMS) -> None:
    """Prepare, train, assemble, measure on the test parts, and pack.

    Args:
        data: Holds a folder for each data set, of its name.
        work: Holds everything between; may be removed afterwards.
        output: Folder of the model; replaced.
        datasets: Which of LEARNT.
        terms: At most so many.
    """
    work.mkdir(parents=True, exist_ok=True)
    plugins = work / "plugins.toml"
    plugins.write_text(tomli_w.dumps(recipe(data, datasets, terms)), encoding="utf-8")
    run = work / "run"
    if (run / "run.json").exists():
        redheart.train(output=run, resume=True)
    else:
        redheart.train(output=run, plugins=plugins)
    if not (run / "model").exists():
        redheart.open_run(run).assemble()
    packed = work / "packed"
    for remains in (packed, output):
        if remains.exists():
            shutil.rmtree(remains)
    pack(run / "model", packed)
    output.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(packed, output)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Makes the model `ready`.")
    parser.add_argument("data", type=Path, help="folder with the data sets")
    parser.add_argument("--work", type=Path, default=Path("runs/ready"), help="folder for everything between")
    parser.add_argument("--without", choices=LEARNT, action="append", default=[], help="leave a data set out")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the model; its card lies beside it")
    given = parser.parse_args()
    make(given.data, given.work, given.output, [name for name in LEARNT if name not in given.without])
    (given.output.parent / "MODEL_CARD.md").write_text(card(given.output), encoding="utf-8")


if __name__ == "__main__":
    main()
