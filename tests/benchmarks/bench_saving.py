"""What saving costs: the stall of a training, in the foreground and in the background; and the files of a model.

    python tests/benchmarks/bench_saving.py stall [--parameters 60e6 --records 640 --epochs 3 --rounds 2]
    python tests/benchmarks/bench_saving.py model [--parameters 730e6 --groups 12]

"stall" trains one group of the toy world of the tests, as large as the largest of base, in each way in each round. The
stall is the time that the training waits: for a save, or for a copy and the save before. "model" writes so many
parameters in files of equal size, and times the two things that an assembly does with each: it hashes the run's file
and gives it a second name.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from toy import Toy, group_files, hooks

from redheart_core.data.store import Store
from redheart_core.runs.run import RunFolder
from redheart_core.storage.files import check_sha256, save_tensors
from redheart_core.storage.placing import place
from redheart_core.training.loop import train
from redheart_core.training.saving import Saver

WIDTH = 18
"""Parameters of the toy's node for each unit of its width."""


def main() -> None:
    """Parse and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("stall", "model"))
    parser.add_argument("--parameters", type=float)
    parser.add_argument("--records", type=int, default=640)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--groups", type=int, default=12)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.what == "stall":
            stall(Path(folder), int(options.parameters or 60e6), options)
        else:
            model(Path(folder), int(options.parameters or 730e6), options.groups)


def stall(folder: Path, parameters: int, options: argparse.Namespace) -> None:
    """Train in both ways, one after another in each round."""
    toy, found = Toy(folder), set[tuple[tuple[str, str], ...]]()
    toy.store(toy.records(options.records))
    for number in range(options.rounds):
        for background in (False, True):
            waited, seconds, run = trained(toy, f"run-{number}-{background}", parameters, background, options.epochs)
            files = group_files(run, "a")
            found.add(tuple(sorted(files.items())))
            way = "background" if background else "foreground"
            print(
                f"{way}: {seconds / options.epochs:.1f} s an epoch, of which the training waits "
                f"{waited / options.epochs:.2f} s, {100 * waited / seconds:.1f} %",
                flush=True,
            )
            for path in run.group("a").path.iterdir():
                path.unlink()
    print(f"files {'the same' if len(found) == 1 else 'DIFFER'}")


def trained(toy: Toy, name: str, parameters: int, background: bool, epochs: int) -> tuple[float, float, RunFolder]:
    """Seconds that the training waits for saving, and all of them."""
    node = toy.node("a", width=parameters // WIDTH, dropout=0.0)
    changes: dict[str, Any] = {"epochs": epochs, "background_saving": background, "keep_epochs": 1}
    context, run = toy.context([node], Store.open(toy.folder / "store"), **changes), RunFolder(toy.folder / name)
    waited, save, settle = [0.0], Saver.save, Saver.settle
    inside = [0]

    def timed(call: Any) -> Any:
        def timing(*arguments: Any) -> None:
            started = time.perf_counter()
            inside[0] += 1
            call(*arguments)
            inside[0] -= 1
            waited[0] += 0 if inside[0] else time.perf_counter() - started

        return timing

    Saver.save, Saver.settle = timed(save), timed(settle)  # type: ignore[method-assign] # measured from outside
    started = time.perf_counter()
    assert train(run, context, hooks()) == {}
    seconds = time.perf_counter() - started
    Saver.save, Saver.settle = save, settle  # type: ignore[method-assign] # as it was
    return waited[0], seconds, run


def model(folder: Path, parameters: int, groups: int) -> None:
    """Write the files, hash them, link them."""
    stream, hashes, started = torch.Generator().manual_seed(0), [], time.perf_counter()
    (folder / "model").mkdir()
    for group in range(groups):
        tensors = {"w": torch.randn(parameters // groups, generator=stream)}
        hashes.append(save_tensors(folder / f"{group}.safetensors", tensors))
    print(f"written: {time.perf_counter() - started:.1f} s", flush=True)
    started = time.perf_counter()
    for group, sha256 in enumerate(hashes):
        check_sha256(folder / f"{group}.safetensors", sha256)
    print(f"hashed: {time.perf_counter() - started:.2f} s")
    started = time.perf_counter()
    for group in range(groups):
        name = f"{group}.safetensors"
        place(folder / name, folder / "model" / name, link=True)
    print(f"linked: {1000 * (time.perf_counter() - started):.2f} ms for {4 * parameters / 1e9:.1f} GB")


if __name__ == "__main__":
    main()
