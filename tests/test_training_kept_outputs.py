"""What finished groups answer is computed once for each weights and split, and never mistaken for another's."""

from __future__ import annotations

import pytest
import torch
from toy import Toy

from redheart_core import DataError
from redheart_core.data.lower_outputs import LowerOutputs
from redheart_core.groups.ensemble import Ensemble
from redheart_core.groups.group_module import GroupModule
from redheart_core.groups.honest import HonestAnswers
from redheart_core.groups.weights_digest import weights_digest
from redheart_core.training.context import TrainingContext
from redheart_core.training.kept_outputs import KeptOutputs


@pytest.fixture
def context(toy: Toy) -> TrainingContext:
    """Three groups, one above another."""
    return toy.context(
        [toy.node("low"), toy.node("middle", reads=("low.value",)), toy.node("high", reads=("middle.value",))]
    )


@pytest.fixture
def calls(context: TrainingContext, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The group of each forward pass, one after another."""
    found: list[str] = []
    forward = GroupModule.forward

    def counting(module: GroupModule, *given: object) -> object:
        found.append(module.group.name)
        return forward(module, *given)  # type: ignore[arg-type] # as it was given

    monkeypatch.setattr(GroupModule, "forward", counting)
    return found


def test_the_same_weights_are_asked_once_for_each_split(context: TrainingContext, calls: list[str]) -> None:
    low = context.groups[0]
    context.add_outputs(low, context.module(low))
    first = len(calls)
    assert first > 1
    context.add_outputs(low, context.module(low))
    context.add_outputs(low, context.module(low), ("validation",))
    assert len(calls) == first
    context.add_outputs(low, context.module(low), ("validation", "test"))
    assert len(calls) == first + -(-len(context.store.rows("test")) // context.source.batch_size)


def test_other_weights_or_other_inputs_are_asked_again(context: TrainingContext, calls: list[str]) -> None:
    low, middle, _ = context.groups
    one, other, reader = context.module(low), context.module(low), context.module(middle)
    with torch.no_grad():
        next(other.parameters()).add_(1.0)
    found = []
    for module in (one, other, one):
        calls.clear()
        context.add_outputs(low, module)
        context.add_outputs(middle, reader)
        found.append((context.source.lower("middle.value", context.store.rows("train")), set(calls)))
    assert [names for _, names in found] == [{"low", "middle"}, {"low", "middle"}, set()]
    assert torch.equal(found[0][0], found[2][0])
    assert not torch.equal(found[0][0], found[1][0])


def test_what_is_kept_does_not_depend_on_which_split_was_asked_first(context: TrainingContext, toy: Toy) -> None:
    fresh = toy.context(context.nodes, context.store)
    low = context.groups[0]
    context.add_outputs(low, context.module(low), ("train", "validation", "test"))
    for split in ("test", "validation"):
        fresh.add_outputs(low, fresh.module(low), (split,))
        rows = context.store.rows(split)
        assert torch.equal(context.source.lower("low.value", rows), fresh.source.lower("low.value", rows))
    with pytest.raises(DataError, match=r"'low\.value' was not computed for"):
        fresh.source.lower("low.value", context.store.rows("train"))


def test_a_digest_knows_every_weight_and_every_honest_answer(context: TrainingContext) -> None:
    low = context.groups[0]
    module, digests = context.module(low), set()
    digests.add(weights_digest(module))
    assert weights_digest(context.module(low)) in digests
    for parameter in module.parameters():
        with torch.no_grad():
            parameter.flatten()[-1] += 1e-6
        digests.add(weights_digest(module))
    rows = torch.arange(3)
    for answers in (torch.zeros(3), torch.tensor([0.0, 0.0, 1e-6])):
        module.honest = HonestAnswers(rows, {"low.value": answers})
        digests.add(weights_digest(module))
    module.honest = None
    one, other = (dict(context.module(low).parameter_dict()) for _ in range(2))
    other["low.last.bias"] = other["low.last.bias"] + 1
    digests |= {weights_digest(Ensemble(module, members)) for members in ([one, other], [other, one], [one, one])}
    assert len(digests) == 1 + len(list(module.parameters())) + 2 + 3


def outputs(identity: str, records: int) -> LowerOutputs:
    made = LowerOutputs(torch.ones(records, dtype=torch.int64), identity=identity)
    made.append(torch.arange(records), {"a.value": torch.ones(records, 2)})
    return made


def test_what_was_read_longest_ago_is_forgotten_beyond_the_limit() -> None:
    kept = KeptOutputs(most_bytes=200)
    for name in ("one", "two"):
        kept.put(outputs(name, 10))
    again = kept.take("one")
    assert again is not None
    kept.put(again)
    kept.put(outputs("three", 10))
    assert kept.take("two") is None
    assert kept.take("one") is again
    kept.put(outputs("huge", 1000))
    assert kept.take("huge") is None
    assert kept.take("three") is None


def test_no_more_files_are_open_than_the_limit_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("redheart_core.data.spool.IN_MEMORY", 50)
    kept = KeptOutputs(most_files=2)
    for name, records in (("small", 5), ("one", 10), ("two", 10), ("three", 10)):
        kept.put(outputs(name, records))
    assert [name for name in ("small", "one", "two", "three") if kept.take(name)] == ["two", "three"]


def test_outputs_grow_by_records_in_any_order_and_keep_chunks_together() -> None:
    counts = torch.tensor([2, 1, 3, 1])
    made = LowerOutputs(counts, ["a.chunks"])
    for rows in ([2, 0], [3]):
        chunks = torch.cat([torch.full((int(counts[row]), 1), float(row)) for row in rows])
        made.append(torch.tensor(rows), {"a.chunks": chunks, "a.value": torch.tensor(rows).float()})
    assert made.holds(torch.tensor([0, 2, 3]))
    assert not made.holds(torch.tensor([0, 1]))
    assert made.batch("a.value", torch.tensor([0, 3, 2]), 1).tolist() == [0.0, 3.0, 2.0]
    padded = made.batch("a.chunks", torch.tensor([0, 2]), 3).squeeze(-1)
    assert padded.tolist() == [[0.0, 0.0, 0.0], [2.0, 2.0, 2.0]]
    assert made.batch("a.chunks", torch.tensor([3]), 3).squeeze(-1).tolist() == [[3.0, 0.0, 0.0]]
    assert made.bytes == 4 * (6 + 3)
