"""Checks of a node's module as such: scales, seeds, files, labels."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import attrs
import numpy as np
import torch
from torch import Tensor, nn

from redheart_core.contract.errors import PluginError, RedheartError
from redheart_core.contract.fields import Field
from redheart_core.contract.nodes import SCALES
from redheart_core.data.batch import Batch
from redheart_core.groups.group_module import GroupModule, build_node
from redheart_core.storage.files import load_tensors, save_tensors
from redheart_core.testing.plugin import NotApplicable, require
from redheart_core.testing.subject import SEED, Subject, at_scale
from redheart_core.training.audit import audit_fitted

FEW = range(8)
"""Records that are enough to run a module."""


def check_builds_at_every_scale(subject: Subject) -> None:
    """The module builds on the meta device at every scale, each at least as large as the last, and at tiny for real."""
    sizes = {}
    for scale in SCALES:
        with torch.device("meta"):
            wanted = subject.group.wanted(subject.node)
            module = build_node(at_scale(subject.node, scale), subject.surroundings(scale), wanted)
        elsewhere = [name for name, tensor in _tensors(module).items() if not tensor.is_meta]
        require(
            subject.plugin,
            not elsewhere,
            f"at scale {scale}, {', '.join(elsewhere)} ignore the device that the module is built on; "
            "make tensors without naming a device",
        )
        sizes[scale] = sum(parameter.numel() for parameter in module.parameters())
    in_order = list(sizes.values()) == sorted(sizes.values())
    require(subject.plugin, in_order, f"scales have to grow from tiny to full; parameters: {sizes}")
    real = subject.module().nodes[subject.name]
    wrong = {name: tensor.dtype for name, tensor in _tensors(real).items() if tensor.is_floating_point()}
    wrong = {name: dtype for name, dtype in wrong.items() if dtype != torch.float32}
    require(subject.plugin, not wrong, f"parameters have to be float32; {wrong}")


def check_layers_exist(subject: Subject) -> None:
    """Every declared layer is the beginning of a parameter's name."""
    layers = subject.node.spec.layers
    if not layers:
        raise NotApplicable("it declares no layers")
    names = [name for name, _ in subject.module().nodes[subject.name].named_parameters()]
    missing = [layer for layer in layers if not any(_begins(layer, name) for name in names)]
    require(subject.plugin, not missing, f"the layers {', '.join(missing)} begin no parameter's name ({names})")


def _begins(layer: str, name: str) -> bool:
    stems = [one.removesuffix(".*") for one in layer.split("|")]
    return any(f"{name}.".startswith(f"{stem}.") for stem in stems)


def check_same_seed_same_result(subject: Subject) -> None:
    """The same seed gives the same weights and the same training step, bit for bit; eval mode draws no numbers."""
    first, second = subject.fitted(), subject.fitted()
    _require_equal(subject, first.parameter_dict(), second.parameter_dict(), "two modules of the same seed")
    batch = subject.batch(FEW)
    first.eval()
    with torch.no_grad():
        outputs, again = subject.own(first(batch)), subject.own(first(batch))
    _require_equal(subject, outputs, again, "two passes over the same batch in eval mode")
    if subject.node.spec.objective is None:
        return
    states: list[dict[str, Tensor]] = []
    for _ in range(2):
        trainer = subject.trainer()
        if trainer.optimizer is None:
            return
        subject.step(trainer, batch, 0)
        states.append(trainer.module.parameter_dict())
    _require_equal(subject, states[0], states[1], "the weights after the same training step")


def check_saving_keeps_everything(subject: Subject) -> None:
    """Weights saved and loaded into a module of another seed, not drawn before, give equal outputs, bit for bit."""
    trained, other = subject.fitted(), subject.blank(SEED + 1, restored=True)
    batch = subject.batch(FEW)
    trained.train()
    with torch.no_grad():
        trained(batch)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "weights.safetensors")
        try:
            sha = save_tensors(path, trained.parameter_dict())
        except RuntimeError as error:
            raise PluginError(f"plugin '{subject.name}': its weights cannot be saved: {error}") from error
        other.load(load_tensors(path, sha))
    with torch.no_grad():
        outputs, loaded = subject.own(trained.eval()(batch)), subject.own(other.eval()(batch))
    _require_equal(subject, outputs, loaded, "outputs before saving and after loading into another module")


def check_other_labels(subject: Subject) -> None:
    """With other labels than usual, the node works with these or refuses them by name."""
    targets = [name for name in subject.node.spec.targets if len(subject.fields[name].labels) > 1]
    if not targets:
        raise NotApplicable("its targets have no labels")
    fields = {name: _other_labels(field) if name in targets else field for name, field in subject.fields.items()}
    other = attrs.evolve(subject, fields=fields)
    try:
        module = GroupModule(subject.group, other.surroundings(), torch.device("cpu"))
    except RedheartError as error:
        require(subject.plugin, subject.name in str(error), f"it refuses other labels without its name: {error}")
        return
    batch = subject.batch(FEW)
    inputs = {name: _relabelled(subject, name, tensor, fields) for name, tensor in batch.inputs.items()}
    with torch.no_grad():
        module.eval()(Batch(inputs, batch.targets))


def check_fitting_twice(subject: Subject) -> None:
    """What is fitted in closed form depends on the records alone, and fits them with finite weights, not all zero."""
    if subject.node.spec.fit is None:
        raise NotApplicable("it is not fitted in closed form")
    with _global_streams(SEED) as states:
        before = states()
        first = subject.fitted()
        moved = [name for name, state in states().items() if state != before[name]]
    require(
        subject.plugin,
        not moved,
        f"its fit draws from the global random numbers of {', '.join(moved)}; make a generator of the seed",
    )
    with _global_streams(SEED + 1):
        second = subject.fitted()
    _require_equal(subject, first.parameter_dict(), second.parameter_dict(), "the weights of two fits")
    accounts = [account for account in audit_fitted(first) if account.plugin == subject.name]
    require(subject.plugin, bool(accounts), "it has no parameters to fit; hold the weights in nn.Parameter")
    wrong = [f"{account.name} {account.state}" for account in accounts if not account.accounted]
    require(subject.plugin, not wrong, f"every parameter has to be computed by the fit: {', '.join(wrong)}")


@contextmanager
def _global_streams(seed: int) -> Iterator[Callable[[], dict[str, str]]]:
    """Inside, all global random streams begin with a seed; what is given tells how they stand."""
    kept = torch.get_rng_state(), np.random.get_state(), random.getstate()
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
    try:
        yield lambda: {
            "torch": repr(torch.get_rng_state().tolist()),
            "numpy": repr([np.asarray(part).tolist() for part in np.random.get_state()]),
            "random": repr(random.getstate()),
        }
    finally:
        torch.set_rng_state(kept[0])
        np.random.set_state(kept[1])
        random.setstate(kept[2])


def _relabelled(subject: Subject, name: str, tensor: Tensor, fields: Mapping[str, Field]) -> Tensor:
    """An output of a lower node as it would be on other labels."""
    source, _, output = name.partition(".")
    field = next((node.spec.output(output).labels for node in subject.nodes if output and node.name == source), None)
    return tensor if field is None else tensor[..., : len(fields[field].labels)]


def _other_labels(field: Field) -> Field:
    """Fewer labels where a field allows that, otherwise the same in another order."""
    labels = field.labels[::-1] if field.simplex else field.labels[:-1]
    return attrs.evolve(field, labels=labels)


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def _require_equal(subject: Subject, left: Mapping[str, Tensor], right: Mapping[str, Tensor], what: str) -> None:
    differing = [name for name, tensor in left.items() if name not in right or not _same_bits(tensor, right[name])]
    require(
        subject.plugin,
        not differing and left.keys() == right.keys(),
        f"{what} have to be equal bit for bit; {', '.join(differing) or 'their names'} differ",
    )


def _same_bits(left: Tensor, right: Tensor) -> bool:
    return left.dtype == right.dtype and torch.equal(left, right)
