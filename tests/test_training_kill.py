"""A run that is killed in the middle of an epoch or of a save ends in the same bits as one that is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from dying import Nodes, make_nodes, train_until_killed
from residual_toy import ResidualToy
from toy import Toy
from turns import Tight

from redheart_core import ActiveNode
from redheart_core.config.tables import GroupSettings
from redheart_core.runs.run import RunFolder

FilesOf = Callable[[RunFolder, str], dict[str, str]]

TIERS: Nodes = (("a", {}), ("b", {"target": "choice_factors"}), ("high", {"reads": ("a.value",)}))
PAIR: Nodes = (("a", {}), ("b", {}))


def above_a_baseline(toy: Toy) -> list[ActiveNode]:
    """Two groups with an epoch 0, one of them with another learnt field."""
    makers = ResidualToy(toy)
    return [makers.line("regret"), makers.deep("a", "regret"), makers.deep("b", "regret", more=("choice_factors",))]


AVERAGED = {"a": GroupSettings(ema=0.8, mixup=0.4)}
ROUNDED = {"a": GroupSettings(ema=0.8, checkpoint_dtype="bfloat16"), "b": GroupSettings(checkpoint_dtype="bfloat16")}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("nodes", "groups", "place", "points"),
    [
        (TIERS, {}, "step", (3, 39)),
        (TIERS, {}, "rename", (2, 13)),
        (TIERS, {}, "fsync", (4, 31)),
        (PAIR, AVERAGED, "step", (9,)),
        (PAIR, AVERAGED, "rename", (9,)),
        (above_a_baseline, {}, "step", (1, 20)),
        (above_a_baseline, AVERAGED, "rename", (8, 14)),
        (above_a_baseline, ROUNDED, "step", (1, 20)),
        (above_a_baseline, ROUNDED, "rename", (5, 8, 14)),
    ],
    ids=[
        "step",
        "rename",
        "fsync",
        "average and step",
        "average and rename",
        "baseline",
        "baseline and rename",
        "bfloat16 and step",
        "bfloat16 and rename",
    ],
)
def test_killed_and_resumed_is_uninterrupted(
    toy: Toy,
    files_of: FilesOf,
    nodes: Nodes,
    groups: Mapping[str, GroupSettings],
    place: str,
    points: tuple[int, ...],
) -> None:
    for after in points:
        train_until_killed(toy.folder, "killed", nodes, place, after, groups)
    active, store = make_nodes(toy, nodes), toy.store()
    killed, stopped = toy.run("killed", active, store, groups=groups)
    assert not stopped
    whole, _ = toy.run("whole", active, store, groups=groups)
    for node in active:
        assert files_of(killed, node.name) == files_of(whole, node.name)


@pytest.mark.slow
def test_killed_while_groups_take_turns_and_resumed_is_uninterrupted(toy: Toy, files_of: FilesOf) -> None:
    plan = Tight(turn_steps=3)
    for after in (5, 21):
        train_until_killed(toy.folder, "killed", TIERS, "step", after, {}, plan)
        assert list((toy.folder / "killed").glob(".idle*")), "states of idle groups were left"
    active, store = make_nodes(toy, TIERS), toy.store()
    killed, stopped = toy.run("killed", active, store, plan=plan)
    assert not stopped
    assert not list(killed.path.glob(".idle*")), "and are removed"
    whole, _ = toy.run("whole", active, store)
    for node in active:
        assert files_of(killed, node.name) == files_of(whole, node.name)
