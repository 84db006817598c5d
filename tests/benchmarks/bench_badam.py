"""Groups in turns beside BAdam (Luo et al. 2024), which trains one block of a model at a time, on the same modules.

python tests/benchmarks/bench_badam.py [--scale base] [--updates 2] [--rounds 4]      # pip install badam

The groups are those of the main job that descend, on 300 texts of village; each is a block of BAdam. In a round every
parameter gets the same number of updates of AdamW at the same constant rate. A user of BAdam has one model with one
loss, so that each of its updates computes the losses of all groups, and the gradient of the active one. Printed are the
most bytes of tensors (weights, states, gradients and what a step takes), seconds of the processor a round, and the sum
of the groups' validation losses at the end, by the same seed; the first round does not count for the time.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import torch
from badam import BlockOptimizer
from torch import Tensor, nn

from redheart.options import PluginChoice, RunOptions
from redheart.progress import make_display
from redheart.sessions import begin
from redheart_core.evaluation.training_loops import FewBatches, by_redheart, in_turns, plain_loss
from redheart_core.groups.validation import evaluate
from redheart_core.training.context import TrainingContext
from redheart_core.training.group_trainer import GroupTrainer
from redheart_core.training.shelves import MappedFiles
from redheart_core.training.step_memory import bytes_of, most_allocated

SET = {
    "village.english": 200,
    "village.korean": 100,
    "lsa.width": 64,
    "data.encoder": "lsa",
    "training.batch_size": 32,
    "training.warmup_updates": 0,
    "training.final_rate": 1.0,
    "training.learning_rate": 3e-4,
}
"""A constant rate, as BAdam begins its states anew with every block."""
Round = Callable[[], object]


def new_trainers(context: TrainingContext) -> list[GroupTrainer]:
    """Those of all groups that descend, with the weights of the seed."""
    found = [context.trainer(group) for group in context.groups if not group.fitted]
    return [one for one in found if one.optimizer is not None]


def validation(context: TrainingContext, trainers: Sequence[GroupTrainer]) -> float:
    """Sum of the groups' losses."""
    rows = context.store.rows("validation")
    return sum(evaluate(one.module.eval(), context.source, rows).loss for one in trainers)


def turns_round(few: FewBatches, trainers: Sequence[GroupTrainer], folder: Path) -> Round:
    """One turn of each group."""
    shelf = MappedFiles(folder)
    loop = in_turns(shelf)
    return lambda: [loop(few, one, 1) for one in trainers]


def badam_round(few: FewBatches, trainers: Sequence[GroupTrainer]) -> Round:
    """Each group active once; the optimizers of the trainers are let go."""
    whole = nn.ModuleDict({one.group.name: one.module for one in trainers})
    for one in trainers:
        one.optimizer = None
    settings = trainers[0].settings
    optimizer = BlockOptimizer(
        base_optimizer=torch.optim.AdamW(
            whole.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        ),
        named_parameters_list=list(whole.named_parameters()),
        block_prefix_list=[[f"{name}."] for name in whole],
        switch_block_every=few.batches,
        switch_mode="ascending",
        verbose=0,
    )
    orders = {one.group.name: few.training_order(one.group, 1) for one in trainers}

    def take() -> None:
        whole.train()
        for _ in trainers:
            for step in range(few.batches):
                losses = [
                    plain_loss(one, few.source.batch(orders[one.group.name][step], one.group.inputs))
                    for one in trainers
                ]
                torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]
                optimizer.step()

    return take


def measured(take: Round, rounds: int) -> float:
    """Seconds of the processor a round, without the first."""
    take()
    began = time.process_time()
    for _ in range(rounds - 1):
        take()
    return (time.process_time() - began) / (rounds - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", default="base")
    parser.add_argument("--updates", type=int, default=2, help="of each group in a round")
    parser.add_argument("--rounds", type=int, default=4)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        place = Path(folder)
        choice = PluginChoice.of(disable=("linear", "stacking_fusion"), settings=SET)
        with make_display() as display:
            context = begin(choice, RunOptions(place / "run", dataset="village", scale=given.scale), display).context
        names = {field.name for field in attrs.fields(TrainingContext)}
        few = FewBatches(**{name: getattr(context, name) for name in names}, batches=given.updates)
        rows: dict[str, tuple[float, float, float]] = {}

        trainers = new_trainers(context)
        print("groups:", ", ".join(f"{one.group.name} {_count(one):,}" for one in trainers))
        resident = measured(lambda: [by_redheart(few, one, 1) for one in trainers], given.rounds)
        sizes = {one.group.name: bytes_of([*_weights(one), *one.optimizer_tensors().values()]) for one in trainers}
        steps = {one.group.name: most_allocated(_step(few, one), one.device) for one in trainers}
        trainers = new_trainers(context)
        seconds = measured(turns_round(few, trainers, place / "idle"), given.rounds)
        loss = validation(context, trainers)
        rows["redheart, in turns"] = max(sizes[name] + steps[name] for name in sizes), seconds, loss
        rows["redheart, all in memory"] = sum(sizes.values()) + max(steps.values()), resident, loss

        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # BAdam names every parameter that is float32
            trainers = new_trainers(context)
            seconds = measured(badam_round(few, trainers), given.rounds)
            loss = validation(context, trainers)
            trainers = new_trainers(context)
            most = most_allocated(lambda: badam_round(few, trainers)(), torch.device("cpu"))
        rows["BAdam"] = sum(bytes_of(_weights(one)) for one in trainers) + most, seconds, loss
    _print(rows)


def _step(few: FewBatches, trainer: GroupTrainer) -> Round:
    """An update, after one that leaves no gradients."""
    trainer.module.zero_grad(set_to_none=True)
    loss_of = few.training_order(trainer.group, 1)[0]

    def take() -> None:
        plain_loss(trainer, few.source.batch(loss_of, trainer.group.inputs)).backward()  # type: ignore[no-untyped-call]
        assert trainer.optimizer is not None
        trainer.optimizer.step()
        trainer.module.zero_grad(set_to_none=True)

    return take


def _weights(trainer: GroupTrainer) -> list[Tensor]:
    return [*trainer.module.parameters(), *trainer.module.buffers()]


def _count(trainer: GroupTrainer) -> int:
    return sum(parameter.numel() for parameter in trainer.module.parameters())


def _print(rows: Mapping[str, tuple[float, float, float]]) -> None:
    print("| | peak, MB of tensors | processor s a round | validation losses |")
    print("|---|---:|---:|---:|")
    for name, (peak, seconds, loss) in rows.items():
        print(f"| {name} | {peak / 1e6:,.0f} | {seconds:.2f} | {loss:.4f} |")


if __name__ == "__main__":
    main()
