"""What every trainable first-party module has to hold, group by group."""

from __future__ import annotations

import importlib
import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from redheart_core import CATALOGUE, SCALES, ActiveNode, Field, NodeSpec
from redheart_core.config.tables import TrainSettings
from redheart_core.contract.data import EXAMPLE_TOKENIZERS
from redheart_core.data.batch import Batch
from redheart_core.groups.figures import group_figures
from redheart_core.groups.graph import bind_nodes, output_shapes, plan_groups
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import GroupModule, Surroundings, build_node
from redheart_core.groups.objective import record_losses, training_loss
from redheart_core.training.audit import audit_group
from redheart_core.training.group_trainer import GroupTrainer

ANALYZERS = ("backbone", "neural_emotion", "neural_bentham", "neural_regret", "neural_surd")
HEADS = ("emotion_head", "bentham_head", "regret_head", "surd_head")
GROUPS = ANALYZERS  # the heads are in the group of the backbone
ORDERED = tuple(name for name in GROUPS if name != "neural_surd")  # which reads the mean of the chunks
FIELDS = {**CATALOGUE, "bentham": CATALOGUE["bentham"].with_labels("intensity", "duration", "certainty", "propinquity")}
"""All fields, so that every optional part is built."""
CPU = torch.device("cpu")


def spec_of(name: str) -> NodeSpec:
    plugin = importlib.import_module(f"redheart_{name}")
    specs = plugin.redheart_provide_heads() if name in HEADS else plugin.redheart_provide_analyzers()
    (spec,) = specs
    assert isinstance(spec, NodeSpec)
    return spec


def active_nodes(scale: str) -> list[ActiveNode]:
    nodes = []
    for name in (*ANALYZERS, *HEADS):
        spec = spec_of(name)
        settings = spec.settings(**spec.scales[scale])
        kind = "head" if name in HEADS else "analyzer"
        nodes.append(ActiveNode(spec, kind, name, "redheart", "0", spec.group or name, settings))  # type: ignore[arg-type] # mypy widens kind to str
    return list(bind_nodes(nodes, FIELDS))


def surroundings(nodes: list[ActiveNode], scale: str, width: int) -> Surroundings:
    return Surroundings(
        FIELDS, output_shapes(nodes, FIELDS, width, 30, EXAMPLE_TOKENIZERS), scale, 0, EXAMPLE_TOKENIZERS
    )


def group_of(name: str, width: int = 12) -> tuple[Group, Surroundings]:
    nodes = active_nodes("tiny")
    (group,) = (group for group in plan_groups(nodes) if group.name == name)
    return group, surroundings(nodes, "tiny", width)


def module_of(name: str) -> GroupModule:
    group, around = group_of(name)
    module, draw = GroupModule(group, around, CPU).eval(), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            if not parameter.any():  # what begins at zero must not hide what it reads
                parameter.normal_(0.0, 0.1, generator=draw)
    return module


def trainer_of(name: str) -> GroupTrainer:
    group, around = group_of(name)
    return GroupTrainer(group, around, TrainSettings(learning_rate=1e-2, warmup_updates=0, weight_decay=0.0), 1000, CPU)


def random_batch(lengths: tuple[int, ...] = (4, 1, 3, 2, 4, 1, 2, 3), *, width: int = 12, seed: int = 0) -> Batch:
    draw = torch.Generator().manual_seed(seed)
    count = len(lengths)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)
    embedding = torch.randn(count, max(lengths), width, generator=draw) * mask.unsqueeze(-1)
    targets = {
        name: random_field(field, count, draw)
        for name, field in FIELDS.items()
        if any(name in node.spec.targets for node in active_nodes("tiny"))
    }
    history = random_field(FIELDS["history"], count, draw)
    for row in range(count):
        history[row, row % 5 :] = float("nan")  # none to four earlier scenarios
    return Batch({"embedding": embedding, "mask": mask, "history": history}, targets)


def random_field(field: Field, count: int, draw: torch.Generator) -> Tensor:
    numbers = torch.rand(count, *field.shape, generator=draw)
    return numbers.mul(3).softmax(-1) if field.simplex else field.low + (field.high - field.low) * numbers


def has_chunks(module: GroupModule, output: str) -> bool:
    return "T" in module.shapes[output]


def loss_of(module: GroupModule, batch: Batch) -> Tensor:
    loss = training_loss(module, module(batch), batch)
    assert loss is not None
    return loss


@pytest.mark.parametrize("name", [*ANALYZERS, *HEADS])
def test_each_scale_has_several_times_the_parameters_of_the_one_before(name: str) -> None:
    counts = []
    for scale in SCALES:
        nodes = active_nodes(scale)
        (node,) = (node for node in nodes if node.name == name)
        with torch.device("meta"):
            wanted = frozenset(output.name for output in node.spec.gives)
            module = build_node(node, surroundings(nodes, scale, 768), wanted)
        counts.append(sum(parameter.numel() for parameter in module.parameters()))
    assert all(larger > 2 * smaller for smaller, larger in pairwise(counts))


@pytest.mark.parametrize("name", GROUPS)
def test_the_account_of_a_group_holds_each_element_of_its_module_once(name: str) -> None:
    trainer = trainer_of(name)
    accounts = audit_group(trainer, [random_batch()])
    assert sum(account.elements for account in accounts) == sum(p.numel() for p in trainer.module.parameters())
    assert len({(account.plugin, account.name) for account in accounts}) == len(accounts)


@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize("lengths", [(3, 1, 2), (1,), (50,)])
def test_outputs_keep_declared_shapes_and_ranges(name: str, lengths: tuple[int, ...]) -> None:
    module, batch = module_of(name), random_batch(lengths)
    module.check_ranges(module(batch))


@pytest.mark.parametrize("name", GROUPS)
def test_layers_cover_every_parameter(name: str) -> None:
    module = module_of(name)
    for full, _ in module.named_parameters():
        node, layer = full.removeprefix("nodes.").split(".")[:2]
        assert {layer, f"{layer}.*"} & set(spec_of(node).layers)


@pytest.mark.parametrize("name", GROUPS)
def test_padding_changes_nothing(name: str) -> None:
    module, batch = module_of(name), random_batch((3, 1, 2))
    embedding, mask = batch.inputs["embedding"], batch.inputs["mask"]
    noise = 100 * torch.randn(3, 9, 12, generator=torch.Generator().manual_seed(1))
    noise[:, :3] = torch.where(mask.unsqueeze(-1), embedding, noise[:, :3])
    longer_mask = torch.cat([mask, mask.new_zeros(3, 6)], 1)
    longer = Batch({**batch.inputs, "embedding": noise, "mask": longer_mask}, batch.targets)
    expected, found = module(batch), module(longer)
    for output, tensor in found.items():
        if has_chunks(module, output):
            tensor = torch.where(mask.unsqueeze(-1), tensor[:, :3], expected[output])
        torch.testing.assert_close(tensor, expected[output], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", GROUPS)
def test_records_do_not_see_each_other(name: str) -> None:
    module, batch = module_of(name), random_batch((3, 1, 2))
    together = module(batch)
    for row in range(3):
        alone = module(Batch({key: tensor[row : row + 1] for key, tensor in batch.inputs.items()}, {}))
        for output, tensor in alone.items():
            chunks = batch.inputs["mask"][row].sum() if has_chunks(module, output) else tensor.shape[1:].numel()
            found, expected = (x[0][:chunks] if x.dim() > 1 else x for x in (tensor, together[output][row : row + 1]))
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ORDERED)
def test_the_order_of_chunks_matters(name: str) -> None:
    module, batch = module_of(name), random_batch((4, 4))
    flipped = Batch({**batch.inputs, "embedding": batch.inputs["embedding"].flip(1)}, {})
    forwards, backwards = module(batch), module(flipped)
    mains = [f"{node}.{objective.metrics[0].output}" for node, objective in module.objectives.items()]
    assert [output for output in mains if torch.allclose(forwards[output], backwards[output], atol=1e-5)] == []


@pytest.mark.parametrize("name", GROUPS)
def test_every_parameter_gets_a_gradient(name: str) -> None:
    accounts = audit_group(trainer_of(name), [random_batch(seed=seed) for seed in range(2)])
    assert {account.name: account.state for account in accounts if account.state != "trained"} == {}
    assert sum(account.live for account in accounts) >= 0.999 * sum(account.elements for account in accounts)


@pytest.mark.parametrize("name", GROUPS)
def test_a_small_batch_can_be_overfitted(name: str) -> None:
    trainer, batch = trainer_of(name), random_batch()
    before = loss_of(trainer.module.eval(), batch).item()
    for step in range(40):
        trainer.step(batch, 1, step)
    assert loss_of(trainer.module.eval(), batch).item() < 0.8 * before


@pytest.mark.parametrize("name", GROUPS)
def test_missing_targets_add_neither_value_nor_gradient(name: str) -> None:
    batch = random_batch()
    holes = {field: target.clone() for field, target in batch.targets.items()}
    for field in holes:
        holes[field][:3] = float("nan")
    holes["bentham"][5, 1] = holes["choice_factors"][5, 1] = float("nan")
    module = module_of(name)
    outputs = module(batch)
    whole = record_losses(module, outputs, batch)
    for key, (rows, losses) in record_losses(module, outputs, Batch(batch.inputs, holes)).items():
        assert rows.tolist() == [False] * 3 + [True] * 5
        intact = torch.tensor([3, 4, 6, 7])
        assert torch.equal(losses[intact - 3], whole[key][1][intact])
    loss_of(module, Batch(batch.inputs, holes)).backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in module.parameters())


@pytest.mark.parametrize("name", GROUPS)
def test_the_same_seed_gives_the_same_training(name: str) -> None:
    first, second = trainer_of(name), trainer_of(name)
    batch = random_batch()
    for step in range(3):
        assert first.step(batch, 1, step) == second.step(batch, 1, step)
    assert all(torch.equal(x, second.module.parameter_dict()[key]) for key, x in first.module.parameter_dict().items())


@pytest.mark.parametrize("name", GROUPS)
def test_metrics_are_finite_and_the_main_ones_are_as_agreed(name: str) -> None:
    module, batch = module_of(name), random_batch()
    with torch.no_grad():
        found = group_figures(module, module(batch), batch.targets, batch.inputs)
    assert found.undefined == {}
    assert all(value is not None and math.isfinite(value) for value in found.values.values())
    for node, objective in module.objectives.items():
        main = "jensen_shannon" if "emotion" in node else "root_mean_squared_error"
        assert (objective.metrics[0].name, objective.metrics[0].direction) == (main, "min")
