"""Time, memory and disk of preparing and training by the number of records: synthetic texts, part of them templated.

.venv/bin/python tests/benchmarks/bench_records.py --records 10000 30000 100000
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

TEMPLATED = 0.3
"""Share of records that answer one questionnaire, so that many of them are near-duplicates."""
FORM = (
    "Question one: what did you do last week that you still think about? Answer: I {} the {}. Question two: would "
    "you do it again if you were in the same place? Answer: {}."
)
PLUGINS = """active = ["csv", "lsa", "backbone", "regret_head", "neural_regret", "linear", "stacking_fusion"]
[data]
dataset = "csv"
chunk_chars = 80
[training]
scale = "tiny"
epochs = 1
[plugins.lsa]
width = {width}
[plugins.csv]
path = "{path}"
[plugins.csv.fields]
regret = "regret"
"""


def rows(count: int) -> Iterator[tuple[str, str, float]]:
    """Ids, texts of about 150 characters with Zipf-like words, and labels that depend on the words."""
    draw = random.Random(0)
    words = ["".join(draw.choices("abcdefghijklmnoprstuvwy", k=draw.randint(3, 9))) for _ in range(30_000)]
    for number in range(count):
        picked = [words[int(len(words) * draw.random() ** 3)] for _ in range(22)]
        text = FORM.format(*picked[:3]) if draw.random() < TEMPLATED else " ".join(picked) + "."
        yield f"r{number}", text, round(sum(map(len, picked)) % 100 / 100, 2)


def run(command: Sequence[str], log: Path) -> tuple[float, float]:
    """CPU seconds and peak memory in MB of a command."""
    with log.open("ab") as stream:
        pid = os.posix_spawn(
            command[0],
            list(command),
            {**os.environ, "OMP_NUM_THREADS": "1"},
            file_actions=[(os.POSIX_SPAWN_DUP2, stream.fileno(), 1), (os.POSIX_SPAWN_DUP2, stream.fileno(), 2)],
        )
        _, status, used = os.wait4(pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed:\n{log.read_text()[-2000:]}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def measure(redheart: str, count: int, width: int, folder: Path, train: bool) -> None:
    table, plugins, store = folder / "rows.csv", folder / "plugins.toml", folder / "store"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "text", "regret"))
        writer.writerows(rows(count))
    size = sum(len(text.encode()) for _, text, _ in rows(count))
    plugins.write_text(PLUGINS.format(width=width, path=table))
    log = folder / "log"
    seconds, peak = run([redheart, "data", "prepare", "--plugins", str(plugins), "-o", str(store)], log)
    parts = {"vectors": "embedding-*", "terms": "terms*", "whole": "**/*"}
    disk = {
        part: sum(path.stat().st_size for path in store.glob(pattern) if path.is_file())
        for part, pattern in parts.items()
    }
    shares = ", ".join(f"{part} {held / size:.2f}" for part, held in disk.items())
    print(
        f"{count} records, {size / 1e6:.1f} MB of text: prepare {seconds:.1f} s, {peak:.0f} MB; disk / text: {shares}"
    )
    seconds, peak = run([redheart, "data", "inspect", "--store", str(store)], log)
    print(f"{count} records: inspect {seconds:.1f} s, {peak:.0f} MB")
    if train:
        command = [redheart, "train", "--plugins", str(plugins), "--store", str(store), "-o", str(folder / "run")]
        seconds, peak = run(command, log)
        print(f"{count} records: train one epoch {seconds:.1f} s, {peak:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, nargs="+", default=[10_000, 30_000, 100_000])
    parser.add_argument("--width", type=int, default=64, help="of the lsa encoder")
    parser.add_argument("--redheart", default=str(Path(sys.executable).parent / "redheart"))
    parser.add_argument("--no-train", action="store_true")
    given = parser.parse_args()
    for count in given.records:
        folder = Path(tempfile.mkdtemp(prefix="bench-records-"))
        try:
            measure(given.redheart, count, given.width, folder, not given.no_train)
        finally:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
