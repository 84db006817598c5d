"""What a fault campaign disturbs: each job with what it begins from, its work, and what of it has to be the same."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import word_store
from click.testing import CliRunner
from front_door import DATA, PLUGINS, TRAINING
from labelling_bench import KEY, QUICK, texts, write_texts
from language_model import LanguageModel
from made_up_cases import GRAPH_CASES, IDENTITY, made_up_cases
from toy import Toy

from redheart_core.config.tables import GroupSettings
from redheart_core.contract.errors import CheckpointError
from redheart_core.data.store import Store
from redheart_core.memory.sqlite_cases import SqliteCases
from redheart_core.storage.sealed import read_sealed_lines

LEFT_OUT = ("lock", "run.json")
"""Locks, which a process that died leaves behind, and the record of the commit of the code."""
Tree = dict[str, bytes]


def every_file(folder: Path) -> Tree:
    """Every file below a folder but some."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.endswith(LEFT_OUT)]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@attrs.frozen
class Job:
    """What is disturbed."""

    name: str
    prepare: Callable[[Path], object]
    """Makes what it begins from, undisturbed."""
    work: Callable[[Path], object]
    """Begins, or goes on where an earlier process stopped."""
    result: Callable[[Path], Tree] = every_file
    """What an undisturbed twin has to equal."""
    seen: bool = True
    """Whether its write operations are calls of Python code; SQLite writes by itself."""


def train_toy(folder: Path, **more: Any) -> None:
    """Two groups on two tiers, one with a moving average; old epochs are dropped."""
    toy = Toy(folder)
    nodes = [toy.node("a"), toy.node("high", reads=("a.value", "embedding"), target="choice_factors")]
    settings = {"a": GroupSettings(ema=0.8)}
    _, stopped = toy.run("run", nodes, Store.open(folder / "store"), groups=settings, epochs=3, keep_epochs=1, **more)
    if stopped:
        raise CheckpointError(f"groups stopped: {stopped}")


def train_in_background(folder: Path) -> None:
    """The same groups, saved in the background, with weights in bfloat16."""
    train_toy(folder, background_saving=True, checkpoint_dtype="bfloat16")


def make_run(folder: Path) -> None:
    """A run of some groups of redheart itself."""
    from redheart_cli.main import cli

    done = CliRunner().invoke(cli, ["train", "-o", str(folder / "run"), *DATA, *PLUGINS, *TRAINING])
    assert done.exit_code == 0, done.output


def make_model(folder: Path) -> None:
    """The same with its model, and a list of texts."""
    make_run(folder)
    assemble(folder)
    lines = (f"My brother found letter {number} in the garden and was glad.\n" for number in range(40))
    (folder / "texts.txt").write_text("".join(lines))


def assemble(folder: Path) -> None:
    """The choice of epochs, and a model of the chosen ones."""
    from redheart.runs import Run

    run = Run(folder / "run")
    run.select()
    if not (folder / "run" / "model").exists():
        run.assemble()


def evaluate(folder: Path) -> None:
    """The model on the test split, and the report."""
    from redheart.runs import Run

    run = Run(folder / "run")
    run.evaluate(progress=False)
    run.report()


def analyze(folder: Path) -> None:
    """A list of texts, in windows of ten."""
    import redheart.batches
    from redheart.loading import load

    vars(redheart.batches)["WINDOW"] = 10
    model = load(folder / "run" / "model")
    redheart.batches.analyze_file(model, folder / "texts.txt", folder / "out.jsonl", language="en", progress=False)


def label(folder: Path) -> None:
    """Texts by a language model on this machine."""
    from redheart_labelling.endpoint import read_endpoint
    from redheart_labelling.label import label_file
    from redheart_labelling.schema_option import read_schema
    from redheart_labelling.settings import Effort, Question

    os.environ["OPENAI_API_KEY"] = KEY
    address = (folder / "endpoint").read_text()
    asked = Question(read_schema("regret"), read_endpoint(address, "openai"), "made-up")
    given = write_texts(folder, texts(8))
    label_file(given, folder / "labels", asked, effort=Effort(relabel=0.0), transport=QUICK)


def serve(folder: Path) -> None:
    """A language model in a process of its own, which ends with this one."""
    reader, writer = os.pipe()
    parent = os.getpid()
    if os.fork() == 0:
        with LanguageModel("regret") as model:
            os.write(writer, model.url("openai").encode())
            while os.getppid() == parent:
                time.sleep(0.2)
        os._exit(0)
    (folder / "endpoint").write_bytes(os.read(reader, 200))


def labels(folder: Path) -> Tree:
    """Texts with their labels; the rest of the folder also says what was asked when, and what was lost."""
    lines = read_sealed_lines(folder / "labels" / "labels.jsonl", "")
    return {record["text"]: repr(record["regret"]).encode() for record in lines}


def evaluated(folder: Path) -> Tree:
    """Every file; but how often the test split was read differs, and has to."""
    files = every_file(folder)
    table = json.loads(files["run/evaluation.json"]) if "run/evaluation.json" in files else {}
    for changing in ("seal", "test_reads", "readings"):
        table.pop(changing, None)
    return {**files, "run/evaluation.json": repr(table).encode()}


def remember(folder: Path) -> None:
    """Six sets of cases, each in one transaction."""
    with SqliteCases(folder / "cases.db", IDENTITY, GRAPH_CASES) as cases:
        for seed in range(6):
            new = made_up_cases(30, seed)
            if not cases.known([new[0].id]):
                cases.add(new)


def remembered(folder: Path) -> Tree:
    """The cases by their ids; verified."""
    with SqliteCases(folder / "cases.db", None, GRAPH_CASES) as cases:
        cases.verify()
        return {case.id: repr(case.to_json()).encode() for case in cases.cases()}


def nothing(folder: Path) -> None:
    """Begins from an empty folder."""


PREPARATION = Job("data preparation", nothing, lambda folder: word_store.make(folder / "store", shard_records=15))
TRAINING_JOB = Job("training", lambda folder: Toy(folder).store(), train_toy)
JOBS = (
    PREPARATION,
    TRAINING_JOB,
    Job("background saving", lambda folder: Toy(folder).store(), train_in_background),
    Job("selection and assembly", make_run, assemble),
    Job("evaluation and report", make_model, evaluate, evaluated),
    Job("analyze a list", make_model, analyze),
    Job("labelling", serve, label, labels),
    Job("memory", nothing, remember, remembered, seen=False),
)
