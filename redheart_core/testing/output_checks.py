"""Checks of what a node computes: shapes, ranges, small batches, padding, neighbours, errors."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from redheart_core.contract.errors import RedheartError
from redheart_core.data.batch import Batch
from redheart_core.groups.group_module import call_node, check_outputs
from redheart_core.groups.objective import training_loss
from redheart_core.testing.plugin import ConformanceError, require
from redheart_core.testing.subject import SEED, Subject

TOLERANCE = 1e-4
"""Sums over other numbers of chunks or records round differently, and norms over the two or three features of a tiny
layer magnify that, to 1e-5 in the first-party plugins; what leaks is larger."""
MORE_CHUNKS = 3
RECORDS = range(8)


def check_outputs_as_declared(subject: Subject) -> None:
    """Outputs have the declared names, shapes, dtype and ranges, in both modes, and inputs stay as they were."""
    module, batch = subject.module(), subject.batch(range(subject.size))
    for training in (True, False):
        module.train(training)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(SEED)
            outputs = module(batch, compare=True)
        module.check_ranges(outputs)
        for given in subject.given:
            if given.form == "probabilities" and given.labels and subject.fields[given.labels].simplex:
                off = float((outputs[f"{subject.name}.{given.name}"].sum(-1) - 1).abs().max())
                require(
                    subject.plugin,
                    off <= TOLERANCE,
                    f"output '{given.name}' has to sum to 1 over its labels, it misses by {off:.2g}",
                )


def check_small_batches(subject: Subject) -> None:
    """One record and one chunk are enough, for outputs and for a training step."""
    cases = {
        "one record": subject.batch([0]),
        "one chunk each": subject.batch(RECORDS, 1),
        "one record of one chunk": subject.batch([0], 1),
    }
    for title, batch in cases.items():
        module = subject.module()
        for training in (False, True):
            module.train(training)
            try:
                outputs = module(batch)
            except RedheartError as error:
                mode = "training" if training else "eval"
                raise ConformanceError(f"plugin '{subject.name}': {title} in {mode} mode: {error}") from error
        loss = training_loss(module, outputs, batch)
        if loss is None or not loss.requires_grad:
            continue
        loss.backward()  # type: ignore[no-untyped-call]
        bad = [
            name
            for name, parameter in module.named_parameters()
            if parameter.grad is not None and not bool(parameter.grad.isfinite().all())
        ]
        require(
            subject.plugin,
            bool(loss.isfinite()) and not bad,
            f"{title}: the loss is {loss.item():g}, gradients that are not finite: {', '.join(bad) or 'none'}",
        )


def check_padding_changes_nothing(subject: Subject) -> None:
    """More padded chunks, whatever stands in them, leave the outputs at real chunks as they were."""
    batch = subject.batch(RECORDS)
    stream = torch.Generator().manual_seed(SEED)
    padded = {}
    for name, tensor in batch.inputs.items():
        axis = subject.chunk_axis(name)
        padded[name] = _pad(tensor, axis, batch.chunks, batch.inputs["mask"], stream) if axis else tensor
    module = subject.module().eval()
    with torch.no_grad():
        plain, longer = subject.own(module(batch)), subject.own(module(Batch(padded, batch.targets)))
    mask = batch.inputs["mask"]
    for name, tensor in plain.items():
        axis = subject.chunk_axis(name)
        other = longer[name].narrow(axis, 0, batch.chunks) if axis else longer[name]
        if axis:
            tensor, other = tensor.movedim(axis, 1)[mask], other.movedim(axis, 1)[mask]
        _require_close(subject, name, tensor, other, f"with {MORE_CHUNKS} more padded chunks")


def check_records_apart(subject: Subject) -> None:
    """In eval mode a record has the same outputs alone as in a batch."""
    batch, module = subject.batch(RECORDS), subject.module().eval()
    with torch.no_grad():
        together = subject.own(module(batch))
        for row in RECORDS:
            single = subject.batch([row])
            for name, tensor in subject.own(module(single)).items():
                axis = subject.chunk_axis(name)
                same = together[name][row : row + 1]
                same = same.narrow(axis, 0, single.chunks) if axis else same
                _require_close(subject, name, same, tensor, "alone instead of in a batch")


def check_errors_name_the_plugin(subject: Subject) -> None:
    """An input of a wrong shape leads to an error, which names the plugin as every error of its code does."""
    module, batch = subject.module().eval(), subject.batch(RECORDS)
    with torch.no_grad():
        known = dict(batch.inputs) | module(batch)
    inputs = {name: known[name] for name in (*subject.node.spec.reads, "mask")}
    noticed = []
    for name in subject.node.spec.reads:
        for spoil in _SPOILS:
            spoiled = inputs | {name: spoil(inputs[name])}
            noticed.append(_is_noticed(subject, module.nodes[subject.name], spoiled, batch))
    require(subject.plugin, any(noticed), "it computes something out of inputs of a wrong shape; no error came")


def _is_noticed(subject: Subject, module: torch.nn.Module, inputs: dict[str, Tensor], batch: Batch) -> bool:
    try:
        with torch.no_grad():
            given = call_node(subject.node, module, inputs)
        check_outputs(subject.node, given, subject.shapes, batch, subject.group.wanted(subject.node))
    except RedheartError:
        return True
    return False


def _wider(tensor: Tensor) -> Tensor:
    return torch.cat([tensor, tensor[..., :1]], -1)


def _flat(tensor: Tensor) -> Tensor:
    return tensor[..., 0]


_SPOILS: tuple[Callable[[Tensor], Tensor], ...] = (_wider, _flat)
"""Inputs that are one number wider, and without their last axis."""


def _pad(tensor: Tensor, axis: int, chunks: int, mask: Tensor, stream: torch.Generator) -> Tensor:
    """Noise at padded places, old and new: an in-group module may leave anything there."""
    moved = tensor.movedim(axis, 1)
    extra = moved.new_zeros((len(moved), MORE_CHUNKS, *moved.shape[2:]))
    longer = torch.cat([moved, extra], 1)
    if tensor.dtype == torch.bool:
        return longer.movedim(1, axis)
    real = torch.cat([mask, mask.new_zeros(len(mask), MORE_CHUNKS)], 1)
    noise = torch.randn(longer.shape, generator=stream)
    real = real.view(*real.shape, *[1] * (longer.dim() - 2))
    assert longer.shape[1] == chunks + MORE_CHUNKS
    return torch.where(real, longer, noise).movedim(1, axis)


def _require_close(subject: Subject, name: str, expected: Tensor, got: Tensor, what: str) -> None:
    off = float((expected - got).abs().max())
    require(
        subject.plugin,
        torch.allclose(expected, got, rtol=TOLERANCE, atol=TOLERANCE),
        f"output '{name}' changes by {off:.2g} {what}; use the mask, and keep records apart",
    )
