"""Groups that take turns, beside all of them in memory: time and files; and the predicted beside the measured peak.

python tests/benchmarks/bench_memory_budget.py turns STORE --plugins FILE [--scale small --epochs 2 --rounds 3]
python tests/benchmarks/bench_memory_budget.py full STORE --plugins FILE --memory 8e9 -o RUN

"turns" trains the groups of a store in turns of an epoch and of some steps, with as little memory as the largest group
needs, and with everything in memory, one after another in each round; it prints the time of each beside the resident
one's, and whether all files have the same SHA-256. "full" measures the groups at first and writes the plan beside RUN;
the same command again trains within the budget, goes on after an interruption (SIGINT), and prints the peak that was
predicted beside those that were measured.
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
from redheart_core.training import residency
from redheart_core.training.budget import Budget
from redheart_core.training.context import TrainingContext
from redheart_core.training.loop import train
from redheart_core.training.memory_plan import megabytes, plan_memory
from redheart_core.training.residency import TakingTurns
from redheart_core.training.turns import TurnPlan, plan_turns

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
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    context = prepare(arguments)
    if arguments.what == "turns":
        compare(lambda: prepare(arguments), arguments.rounds, arguments.turn_steps)
    else:
        within(context, int(arguments.memory), arguments.output)


def prepare(arguments: argparse.Namespace) -> TrainingContext:
    """The training that the plugins.toml describes, on the store."""
    registry = PluginChoice(arguments.plugins).load()
    settings = train_settings(registry, scale=arguments.scale, epochs=arguments.epochs)
    nodes = registry.nodes(settings.scale)
    return TrainingContext.prepare(Store.open(arguments.store), nodes, settings, merged_groups(registry, None))


def compare(make: Callable[[], TrainingContext], rounds: int, steps: int) -> None:
    """Train in each way in each round."""
    ways: dict[str, Callable[[TrainingContext], TurnPlan | None]] = {
        "resident": lambda _: None,
        "turns of an epoch": lambda context: tight(context, 0),
        f"turns of {steps} steps": lambda context: tight(context, steps),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    digests: dict[str, set[str]] = {way: set() for way in ways}
    for _ in range(rounds):
        for way, planned in ways.items():
            context = make()
            plan = planned(context)
            with tempfile.TemporaryDirectory() as folder:
                started = time.perf_counter()
                stopped = train(RunFolder(Path(folder, "run")), context, no_hooks(), plan=plan)
                seconds[way].append(time.perf_counter() - started)
                digests[way].add(digest(Path(folder, "run", "groups")))
            assert not stopped, stopped
    resident = statistics.median(seconds["resident"])
    for way, found in seconds.items():
        same = digests[way] == digests["resident"] and len(digests[way]) == 1
        ratios = [one / other for one, other in zip(found, seconds["resident"], strict=True)]
        print(
            f"{way}: {statistics.median(found):.1f} s, {statistics.median(found) / resident:.3f} of the resident time "
            f"({min(ratios):.3f}..{max(ratios):.3f} by round), files {'the same' if same else 'DIFFER'}"
        )


def tight(context: TrainingContext, steps: int) -> TurnPlan:
    """A plan that leaves room for the largest group alone."""
    memory = plan_memory(context)
    room = max(one.alone for one in memory.groups)
    plan = plan_turns(attrs.evolve(memory, base=AMPLE - room), Budget(AMPLE, turn_steps=steps))
    moved = ", ".join(f"tier {tier.tier} {megabytes(tier.moved)} a round" for tier in plan.tiers)
    everything = max(tier.peak for tier in memory.tiers)
    print(f"  {megabytes(room)} in place of {megabytes(everything)}; moved: {moved}")
    return plan


def within(context: TrainingContext, memory: int, output: Path) -> None:
    """Train within a budget."""
    measured = output.with_suffix(".plan")
    started = time.perf_counter()
    if not measured.exists():
        measured.write_bytes(pickle.dumps(plan_memory(context)))
        print(f"planned in {time.perf_counter() - started:.0f} s; the same command trains")
        return
    plan = plan_turns(pickle.loads(measured.read_bytes()), Budget(memory))
    print(f"{sum(one.step.weights for one in plan.memory.groups) / 4e6:.1f}M parameters", flush=True)
    for tier in plan.tiers:
        print(
            f"tier {tier.tier}: stay {tier.stay}, take turns {tier.leave}, {megabytes(tier.moved)} a round", flush=True
        )
    print(f"everything in memory would take {megabytes(plan.memory.peak)}", flush=True)
    held: list[TakingTurns] = []
    begin = TakingTurns.begin

    def noted(self: TakingTurns, tier: int) -> None:
        held.append(self)
        begin(self, tier)

    residency.TakingTurns.begin = noted  # type: ignore[method-assign] # to read its figures
    started = time.perf_counter()
    try:
        stopped = train(RunFolder(output), context, no_hooks(), plan=plan)
    except KeyboardInterrupt:
        stopped = {"all": "interrupted; the same command goes on"}
    print(f"trained in {time.perf_counter() - started:.0f} s; stopped: {stopped or 'none'}")
    turns, base = held[0], plan.memory.base
    for one in plan.memory.groups:
        if one.name not in turns.peaks:
            continue
        print(f"{one.name}: predicted alone {megabytes(base + one.alone)}, measured {megabytes(turns.peaks[one.name])}")
    peak = max(turns.peaks.values())
    print(f"moved {megabytes(turns.moved)}; predicted peak {megabytes(plan.peak)}, measured {megabytes(peak)}")
    print(f"predicted / measured {plan.peak / peak:.3f}")


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
