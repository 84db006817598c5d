"""A group's module as a graph of ONNX, by torch.export."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from redheart_core.contract.errors import PluginError
from redheart_core.contract.fields import Shape
from redheart_core.data.token_views import token_views
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import GroupModule, node_inputs
from redheart_core.groups.residual import Residual

MOST = 1 << 20
"""Of records, chunks and tokens, above what any batch has."""
LARGEST = 1 << 31
"""Of a constant, above what any graph holds."""
LEAST = 2
"""Records and chunks of the batch that is traced, at the least: torch.export takes a size of one for a constant."""
INTERVAL = "monitor_interval"
"""Of tqdm; 0 starts no thread."""
MOST_LETTERS = 300
"""Of the reason why something cannot be exported."""


class NotExportableError(PluginError):
    """A group that no graph can be made of; the message is the reason."""


class TensorFunction(nn.Module):
    """A function of tensors, in the order of reads, to tensors, in the order of gives."""

    reads: tuple[str, ...]
    gives: tuple[str, ...]


class GroupFunction(TensorFunction):
    """The nodes of a group as a function of tensors to tensors, without the checks of GroupModule.

    Args:
        module: The group, in eval mode.
    """

    def __init__(self, module: GroupModule) -> None:
        super().__init__()
        self.module = module
        self.reads = inputs_of(module)
        self.gives = tuple(
            f"{node.name}.{output.name}"
            for node in module.group.nodes
            for output in node.spec.gives
            if output.name in module.group.wanted(node)
        )

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The inputs, as reads names them, to the outputs, as gives names them."""
        known = dict(zip(self.reads, tensors, strict=True))
        for node in self.module.group.nodes:
            found = self.module.nodes[node.name](node_inputs(node, known))
            own = {f"{node.name}.{name}": tensor for name, tensor in found.items()}
            if node.name in self.module.residuals:
                own |= self.module.residuals[node.name](known, own)
            known |= own
        return tuple(known[name] for name in self.gives)


def inputs_of(module: GroupModule) -> tuple[str, ...]:
    """What a group reads from outside, each once, the mask last."""
    own = {node.name for node in module.group.nodes}
    read = [name for node in module.group.nodes for name in (*map(node.view, node.spec.reads), *node.beside)]
    read += [
        name for residual in module.residuals.values() if isinstance(residual, Residual) for name in residual.starts
    ]
    return (*dict.fromkeys(name for name in read if name.partition(".")[0] not in own), "mask")


def to_onnx(module: GroupModule, inputs: Mapping[str, Tensor]) -> bytes:
    """The graph of a group, for any number of records, chunks and tokens.

    Its inputs and outputs are called as in redheart; an input that does not count for the outputs is left out.

    Args:
        module: The group, in eval mode.
        inputs: Of a batch of LEAST records and chunks or more, whose tokens fill several windows of what reads them.

    Raises:
        NotExportableError: A node of the group says that it is not exported, or cannot be; names the group.
    """
    names = ", ".join(f"'{node.name}'" for node in module.group.nodes)
    if reason := why_not_exported(module.group):
        raise NotExportableError(f"group '{module.group.name}' stays on PyTorch; {reason}")
    function = GroupFunction(module)
    try:
        program = trace(function, [inputs[name] for name in function.reads], module.shapes)
    except NotExportableError as error:
        raise NotExportableError(
            f"group '{module.group.name}' ({names}) cannot be exported to ONNX; let its modules take no branches "
            "from data, and sizes by tensor.shape and tensor.item() (len(tensor) and int(tensor) are constants of a "
            "graph), or say why in not_exported: "
            f"{error}"
        ) from error
    return bytes(program.model_proto.SerializeToString())


def trace(function: TensorFunction, inputs: Sequence[Tensor], shapes: Mapping[str, Shape]) -> torch.onnx.ONNXProgram:
    """The graph of a function of what it reads to what it gives.

    Args:
        function: In eval mode.
        inputs: What it reads, of a batch as to_onnx wants it.
        shapes: Per record, of all that is read.

    Raises:
        NotExportableError: Something in it has no graph, or would hold for the sizes of the batch alone.
    """
    axes = dynamic_sizes(function.reads, shapes)
    try:
        with quiet_exporter(), _translations_read_once(), torch.no_grad():
            program = torch.onnx.export(
                function,
                tuple(inputs),
                dynamo=True,
                dynamic_shapes=(axes,),
                input_names=list(function.reads),
                output_names=list(function.gives),
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise NotExportableError(_first_cause(error)) from error
    assert program is not None
    fixed = [
        f"{value.name} {value.shape}"
        for value in program.model.graph.inputs
        for axis in axes[function.reads.index(str(value.name))]
        if value.shape is not None and isinstance(value.shape[axis], int)
    ]
    if fixed:
        raise NotExportableError(f"sizes of the traced batch became constants: {', '.join(fixed)}")
    with quiet_exporter():
        _compute_constants(program.model)
    for node in program.model.graph:
        node.metadata_props.clear()  # where it was traced: lines of the exporting machine's files
        for result in node.outputs:
            if result.name in function.reads:  # the exporter calls results as it likes, as inputs are called too
                result.name = f"{result.name}/{node.name}"
    return program


def _compute_constants(model: Any) -> None:
    """Put numbers in the place of all that does not depend on what a graph reads, however many they are."""
    from onnxscript import optimizer

    optimizer.fold_constants(model, onnx_shape_inference=False, input_size_limit=LARGEST, output_size_limit=LARGEST)
    optimizer.remove_unused_nodes(model)


def _first_cause(error: BaseException) -> str:
    """What the exporter found at first, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {shortened(str(error)) or 'no message'}"


def shortened(text: str) -> str:
    """The beginning of a long message, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= MOST_LETTERS else f"{line[:MOST_LETTERS]} ..."


@contextmanager
def _translations_read_once() -> Iterator[None]:
    """Inside, torch reads how operators are translated to ONNX once for a process.

    It would read them for every graph, which takes as long as all the rest of an export; nothing changes them.
    """
    registry = import_module("torch.onnx._internal.exporter._registration").ONNXRegistry
    own = vars(registry)["from_torchlib"]

    def read(opset_version: int) -> Any:
        return _read_translations(own.__func__, registry, opset_version)

    registry.from_torchlib = staticmethod(read)
    try:
        yield
    finally:
        registry.from_torchlib = own


@cache
def _read_translations(read: Callable[[Any, int], Any], registry: Any, opset_version: int) -> Any:
    return read(registry, opset_version)


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Inside, the exporter does not speak of its own deprecated calls, of packages that it could use and of graphs that
    could be smaller.

    torch makes progress bars that it does not show; tqdm would start a thread for them, which stays.
    """
    logs, bars = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript")], import_module("torch.hub").tqdm
    levels, own = [log.level for log in logs], {name: value for name, value in vars(bars).items() if name == INTERVAL}
    for log in logs:
        log.setLevel(logging.ERROR)
    setattr(bars, INTERVAL, 0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, level in zip(logs, levels, strict=True):
            log.setLevel(level)
        delattr(bars, INTERVAL)
        for name, value in own.items():
            setattr(bars, name, value)


def why_not_exported(group: Group) -> str:
    """The reasons that the nodes of a group give for staying on PyTorch; empty if there is none."""
    return "; ".join(f"'{node.name}': {node.spec.not_exported}" for node in group.nodes if node.spec.not_exported)


def dynamic_sizes(names: Sequence[str], shapes: Mapping[str, Shape]) -> tuple[dict[int, torch.export.Dim], ...]:
    """Of each input the axes whose size is known only when the graph computes; equal sizes are one symbol."""
    axes = [{0: "B"} | dynamic_axes(name, shapes) for name in names]
    sizes = {size: torch.export.Dim(size, min=1, max=MOST) for one in axes for size in one.values()}
    return tuple({axis: sizes[size] for axis, size in one.items()} for one in axes)


def dynamic_axes(name: str, shapes: Mapping[str, Shape]) -> dict[int, str]:
    """Axes of an input besides that of the records whose size differs from batch to batch, to T, L, or L2 and so on of
    further tokenizers."""
    if token_views([name]):
        return {1: "L" + name.partition("/")[2]}
    shape: Shape = ("T",) if name == "mask" else shapes[name]
    return {1 + shape.index("T"): "T"} if "T" in shape else {}
