"""What epochs stored in bfloat16 cost: two runs of the same training, with and without training.checkpoint_dtype.

Usage: python tests/benchmarks/bench_checkpoint_dtype.py FLOAT32_RUN BFLOAT16_RUN

Prints for each group that learns step by step the best epoch and its validation loss in both runs, the largest change
of the loss of an epoch as a share of it, and bytes: of an epoch's weights, of the newest state, of the folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

from redheart_core.runs.manifest import GroupManifest
from redheart_core.runs.run import RunFolder


def sizes(run: RunFolder, manifest: GroupManifest) -> tuple[int, int, int]:
    folder, newest = run.group(manifest.group).path, manifest.epochs[-1]
    state = 0 if newest.state is None else (folder / newest.state.file).stat().st_size
    return newest.bytes, state, sum(path.stat().st_size for path in folder.iterdir())


def main() -> None:
    plain, half = (RunFolder(Path(name)) for name in sys.argv[1:])
    names = [name for name in plain.read().groups if plain.group(name).manifest_file.exists()]
    print("group: best epoch, its loss -> the same in bfloat16; largest change of an epoch; epoch, state, folder in kB")
    totals = [0, 0]
    for name in names:
        one, two = plain.group(name).read(), half.group(name).read()
        if one.fitted:
            continue
        losses = zip(one.candidates, two.candidates, strict=True)
        worst = max(abs(b.validation_loss - a.validation_loss) / a.validation_loss for a, b in losses)
        bytes_of = [sizes(plain, one), sizes(half, two)]
        totals = [total + size[2] for total, size in zip(totals, bytes_of, strict=True)]
        kilobytes = " -> ".join(", ".join(f"{size / 1e3:.0f}" for size in group) for group in bytes_of)
        print(
            f"{name}: {one.best.name}, {one.best.validation_loss:.6f} -> {two.best.name}, "
            f"{two.best.validation_loss:.6f}; {100 * worst:.3f} %; {kilobytes}"
        )
    print(f"all folders: {totals[0] / 1e6:.1f} -> {totals[1] / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
