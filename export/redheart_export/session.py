"""A graph in ONNX Runtime, and what it raises where a graph fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redheart_core.contract.errors import RedheartError
from redheart_export.extra import TO_ANSWER, require_extra


class GraphError(RedheartError):
    """ONNX Runtime cannot open or compute a graph."""


def open_session(file: Path, threads: int) -> Any:
    """An onnxruntime.InferenceSession, which several threads may share.

    Raises:
        MissingResourceError: ONNX Runtime is not installed.
        GraphError: It cannot compute such a graph.
    """
    require_extra(TO_ANSWER)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors are raised too
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except _failures() as error:
        raise GraphError(f"{file}: {error}") from error


def run_session(session: Any, outputs: list[str], given: dict[str, Any]) -> list[Any]:
    """Outputs of a graph as arrays.

    Raises:
        GraphError: It fails on these inputs.
    """
    try:
        found: list[Any] = session.run(outputs, given)
    except _failures() as error:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in given.items())
        raise GraphError(f"the graph fails on inputs of shape {shapes}: {error}") from error
    return found


def _failures() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises; it has no common class of its own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    return (state.Fail, state.InvalidArgument, state.InvalidGraph, state.NotImplemented, state.RuntimeException)
