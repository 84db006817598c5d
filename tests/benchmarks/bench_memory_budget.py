"""Groups that take turns, beside all of them in memory: time and files; and the predicted beside the measured peak.

python tests/benchmarks/bench_memory_budget.py turns STORE --plugins FILE [--scale small --epochs 2 --rounds 3]
python tests/benchmarks/bench_memory_budget.py full STORE --plugins FILE --memory 8e9 -o FOLDER

"turns" trains the groups of a store in turns of epochs and of some steps, with as little memory as the largest group
needs, and with everything in memory, one after another in each round; it prints the time of each beside the resident
one's, the share of moving groups and of measuring memory, and whether all files have the same SHA-256. "full"
measures the groups at first and writes the plan beside FOLDER; the same command again takes steps of every group in
turns within the budget, and prints the peak that was predicted for these beside those that were measured.
"""

from __future__ import annotations

import argparse
import hashlib
import pickle
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import pluggy

from redheart.groups_file import merged_groups
from redheart.options import PluginChoice
from redheart.sessions import train_settings
from redheart_core.contract import hookspecs
from redheart_core.contract.markers import PROJECT_NAME
from redheart_core.data.store import Store
from redheart_core.discovery.calls import Hooks
from redheart_core.runs.run import RunFolder
from redheart_core.storage.files import make_folder
from redheart_core.training.budget import Budget
from redheart_core.training.context import TrainingContext
from redheart_core.training.held import Held
from redheart_core.training.loop import train
from redheart_core.training.memory_plan import MemoryPlan, megabytes, plan_memory
from redheart_core.training.peaks import ProcessMemory
from redheart_core.training.residency import TakingTurns, opened
from redheart_core.training.turns import TierTurns, TurnPlan, plan_turns

AMPLE = 10**12
"""A budget that no process reaches; what is there before any group is set so that a plan is tight all the same."""


def main() -> None:
    """Parse and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("turns", "full"))
    parser.add_argument("store", type=Path)
    parser.add_argument("--plugins", type=Path, required=True)
    parser.add_argument("--scale")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--turn-steps", type=int, default=20)
    parser.add_argument("--memory", type=float, default=8e9)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path, help="a folder for what is moved")
    arguments = parser.parse_args()
    context = prepare(arguments)
    if arguments.what == "turns":
        compare(lambda: prepare(arguments), arguments.rounds, arguments.turn_steps)
    else:
        within(context, int(arguments.memory), arguments.steps, arguments.output)


def prepare(arguments: argparse.Namespace) -> TrainingContext:
    """The training that the plugins.toml describes, on the store."""
    registry = PluginChoice(arguments.plugins).load()
    settings = train_settings(registry, scale=arguments.scale, epochs=arguments.epochs)
    nodes = registry.nodes(settings.scale)
    return TrainingContext.prepare(Store.open(arguments.store), nodes, settings, merged_groups(registry, None))


def compare(make: Callable[[], TrainingContext], rounds: int, steps: int) -> None:
    """Train in each way in each round."""
    ways: dict[str, Callable[[TurnPlan], TurnPlan | None]] = {
        "resident": lambda _: None,
        "turns of epochs": lambda plan: plan,
        f"turns of {steps} steps": lambda plan: attrs.evolve(plan, budget=attrs.evolve(plan.budget, turn_steps=steps)),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    processor: dict[str, list[float]] = {way: [] for way in ways}
    digests: dict[str, set[str]] = {way: set() for way in ways}
    moves: dict[str, list[float]] = {way: [] for way in ways}
    account = Account.of_moves()
    for number in range(rounds + 1):  # the first does not count: libraries are loaded, and caches filled
        for way in (order := [*ways])[number % len(order) :] + order[: number % len(order)]:
            context = make()
            tight_plan = tight(context, 0)  # made for all, as measuring leaves memory and garbage behind
            planned = ways[way](tight_plan)
            account.seconds = 0.0
            with tempfile.TemporaryDirectory() as folder:
                started, worked = time.perf_counter(), time.process_time()
                stopped = train(RunFolder(Path(folder, "run")), context, no_hooks(), plan=planned)
                if number:
                    seconds[way].append(time.perf_counter() - started)
                    processor[way].append(time.process_time() - worked)
                    moves[way].append(account.seconds / processor[way][-1])
                digests[way].add(digest(Path(folder, "run", "groups")))
            assert not stopped, stopped
    for way in ways:
        same = digests[way] == digests["resident"] and len(digests[way]) == 1
        wall, work = (_ratio(found[way], found["resident"]) for found in (seconds, processor))
        print(
            f"{way}: {statistics.median(seconds[way]):.1f} s, {wall} of the resident time, {work} of the processor "
            f"time, {statistics.median(moves[way]):.2%} of it for moving and measuring, "
            f"files {'the same' if same else 'DIFFER'}",
            flush=True,
        )


@attrs.define
class Account:
    """Processor seconds of what taking turns does beside the training, which noise of other programs hides less than
    a difference of two trainings."""

    seconds: float = 0.0
    depth: int = 0

    @classmethod
    def of_moves(cls) -> Account:
        """Have moving, measuring and giving back be counted from now on."""
        account = cls()
        for owner, names in ((Held, ("lay_down", "bring")), (ProcessMemory, ("begin", "peak", "current", "release"))):
            for name in names:
                setattr(owner, name, account.counted(getattr(owner, name)))
        return account

    def counted(self, function: Callable[..., object]) -> Callable[..., object]:
        def call(*given: object) -> object:
            started, self.depth = time.process_time(), self.depth + 1
            try:
                return function(*given)
            finally:
                self.depth -= 1
                self.seconds += 0.0 if self.depth else time.process_time() - started

        return call


def _ratio(found: list[float], resident: list[float]) -> str:
    by_round = [one / other for one, other in zip(found, resident, strict=True)]
    return f"{statistics.median(by_round):.3f} ({min(by_round):.3f}..{max(by_round):.3f})"


def tight(context: TrainingContext, steps: int) -> TurnPlan:
    """A plan that leaves room for the largest group alone."""
    memory = plan_memory(context)
    room = max(one.alone for one in memory.groups)
    plan = plan_turns(attrs.evolve(memory, base=AMPLE - room), Budget(AMPLE, turn_steps=steps))
    moved = ", ".join(f"tier {tier.tier} {megabytes(tier.moved)} a round" for tier in plan.tiers)
    everything = max(tier.peak for tier in memory.tiers)
    print(f"  {megabytes(room)} in place of {megabytes(everything)}; moved: {moved}")
    return plan


def within(context: TrainingContext, memory: int, steps: int, folder: Path) -> None:
    """Take steps of every group within a budget; nothing is validated and saved."""
    measured = folder.with_suffix(".plan")
    started = time.perf_counter()
    if not measured.exists():
        measured.write_bytes(pickle.dumps(plan_memory(context)))
        print(f"planned in {time.perf_counter() - started:.0f} s; the same command takes the steps")
        return
    found: MemoryPlan = pickle.loads(measured.read_bytes())
    groups = tuple(attrs.evolve(one, step=attrs.evolve(one.step, after=0)) for one in found.groups)
    plan = plan_turns(attrs.evolve(found, groups=groups), Budget(memory))
    print(f"{sum(one.step.weights for one in groups) / 4e6:.1f}M parameters", flush=True)
    print(f"everything in memory would take {megabytes(plan.memory.peak)}", flush=True)
    make_folder(folder)
    with opened(folder, context, plan) as turns:
        assert isinstance(turns, TakingTurns)
        for group in context.groups:
            if group.fitted:
                context.add_outputs(group, context.fit(group))
        for tier in plan.tiers:
            print(f"tier {tier.tier}: {tier.stay} stay, {tier.leave} take turns, {megabytes(tier.moved)} a round")
            take_steps(context, turns, tier, steps)
        for one in groups:
            alone = megabytes(plan.memory.base + one.alone)
            print(f"{one.name}: predicted alone {alone}, measured {megabytes(turns.peaks[one.name])}")
        peak = max(turns.peaks.values())
        print(f"moved {megabytes(turns.moved)}; predicted peak {megabytes(plan.peak)}, measured {megabytes(peak)}")
        print(f"predicted / measured {plan.peak / peak:.3f}")


def take_steps(context: TrainingContext, turns: TakingTurns, tier: TierTurns, steps: int) -> None:
    """A turn of one step for each group of a tier, so many times."""
    names = {*tier.stay, *tier.leave}
    groups = [group for group in context.groups if group.name in names]
    turns.begin(tier.tier)
    trainers = []
    for group in groups:
        turns.make_room(group.name)
        trainers.append(context.trainer(group))
        turns.add(trainers[-1])
    turns.order([group.name for group in groups])
    for number in range(steps):
        for trainer in trainers:
            started = time.perf_counter()
            with turns.turn(trainer):
                moved = time.perf_counter()
                batch = context.source.batch(context.longest_rows(trainer.group), trainer.group.inputs)
                loss = trainer.step(batch, 1, number)
            turns.check()
            assert loss is not None
            part = trainer.micro_batch or batch.size
            print(
                f"  {trainer.group.name}: step {number + 1} of {batch.size} records, {part} at a time, "
                f"loss {loss.item():.3f}; moves {moved - started:.1f} s, "
                f"step {time.perf_counter() - moved:.1f} s, peak {megabytes(turns.peaks[trainer.group.name])}",
                flush=True,
            )


def digest(folder: Path) -> str:
    """SHA-256 of all files of a folder."""
    found = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return found.hexdigest()


def no_hooks() -> Hooks:
    """The hooks with nobody listening."""
    manager = pluggy.PluginManager(PROJECT_NAME)
    manager.add_hookspecs(hookspecs)
    return Hooks(manager.hook)


if __name__ == "__main__":
    main()
