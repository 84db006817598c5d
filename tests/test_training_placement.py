"""Who leaves a device: the properties that the one rule has, whatever the groups."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from hypothesis import given, settings
from hypothesis import strategies as some

from redheart_core.training.occupancy import Need, Occupancy
from redheart_core.training.placement import Tenant, choose_leaving

SIZES = some.integers(0, 1000)


@some.composite
def tenants(draw: some.DrawFn) -> list[Tenant]:
    """Some groups on a device."""
    numbers = range(draw(some.integers(1, 7)))
    return [
        Tenant(
            f"g{number}",
            size=draw(SIZES),
            idle=draw(some.integers(1, 9)),
            reload=draw(some.integers(1, 1000)),
            priority=draw(some.integers(-2, 2)),
            in_use=draw(some.booleans()),
        )
        for number in numbers
    ]


def changed(held: Sequence[Tenant], number: int, **changes: int) -> list[Tenant]:
    return [
        attrs.evolve(one, **attrs.asdict(one) | changes) if place == number else one for place, one in enumerate(held)
    ]


def leaves(held: Sequence[Tenant], excess: int, number: int) -> bool:
    return held[number].name in (choose_leaving(held, excess) or ())


@given(tenants(), SIZES)
def test_what_is_in_use_stays_and_enough_becomes_free(held: list[Tenant], excess: int) -> None:
    leaving, sizes = choose_leaving(held, excess), {one.name: one.size for one in held}
    idle = {one.name for one in held if not one.in_use}
    if leaving is None:
        assert sum(sizes[name] for name in idle) < excess
        return
    assert {*leaving} <= idle
    assert len({*leaving}) == len(leaving)
    assert sum(sizes[name] for name in leaving) >= excess
    assert not leaving or sum(sizes[name] for name in leaving[:-1]) < excess, "nobody leaves once enough is free"


@given(tenants(), some.permutations(range(7)), SIZES)
def test_the_order_of_the_list_decides_nothing(held: list[Tenant], order: list[int], excess: int) -> None:
    other = [held[place] for place in order if place < len(held)]
    assert choose_leaving(other, excess) == choose_leaving(held, excess)


@given(tenants(), SIZES, some.integers(0, 6), some.integers(1, 500))
def test_a_larger_one_leaves_no_later(held: list[Tenant], excess: int, number: int, more: int) -> None:
    number %= len(held)
    if leaves(held, excess, number):  # as much has to become free, and as much more as is held now
        assert leaves(changed(held, number, size=held[number].size + more), excess + more, number)


@given(tenants(), SIZES, some.integers(0, 6), some.integers(1, 9))
def test_one_that_is_idle_longer_leaves_no_later(held: list[Tenant], excess: int, number: int, more: int) -> None:
    number %= len(held)
    if leaves(held, excess, number):
        assert leaves(changed(held, number, idle=held[number].idle + more), excess, number)


@given(tenants(), SIZES, some.integers(0, 6), some.integers(1, 1000))
def test_one_that_is_dearer_to_bring_back_leaves_no_earlier(
    held: list[Tenant], excess: int, number: int, more: int
) -> None:
    number %= len(held)
    if choose_leaving(held, excess) is not None and not leaves(held, excess, number):
        assert not leaves(changed(held, number, reload=held[number].reload + more), excess, number)


@given(tenants(), SIZES)
def test_a_lower_priority_leaves_first(held: list[Tenant], excess: int) -> None:
    leaving = choose_leaving(held, excess) or ()
    priorities = {one.name: one.priority for one in held}
    staying = [one for one in held if not one.in_use and one.name not in leaving]
    assert all(priorities[name] <= one.priority for name in leaving for one in staying)
    assert [priorities[name] for name in leaving] == sorted(priorities[name] for name in leaving)


@settings(max_examples=50)
@given(some.lists(some.tuples(SIZES, SIZES), min_size=1, max_size=5), some.integers(0, 3000), some.booleans())
def test_turns_never_hold_more_than_there_is(sizes: list[tuple[int, int]], room: int, early: bool) -> None:
    needs = {f"g{number}": Need(state, transient) for number, (state, transient) in enumerate(sizes)}
    device = Occupancy(needs, room, early, order=tuple(needs))
    for name in (*needs, *needs, *needs):
        before = set(device.present)
        moves = device.enter(name)
        if moves is None:
            assert needs[name].state + needs[name].transient > room, "alone it would fit"
            continue
        assert device.held(name) <= room
        assert name in device.present
        come = {name} if moves.early is None else {name, moves.early}
        assert device.present == (before | come) - {*moves.leaving, *moves.early_leaving}
