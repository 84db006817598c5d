"""The state of numpy and torch that foreign code could change for everybody; neither is imported here."""

from __future__ import annotations

import sys
from typing import Any

from redheart_core.discovery.process_state import State


def _torch() -> Any:
    return sys.modules["torch"]


def _numpy() -> Any:
    return sys.modules["numpy"]


def _numpy_stream() -> tuple[Any, ...]:
    kind, keys, *rest = _numpy().random.get_state()
    return kind, keys.tobytes(), *rest


def _restore_numpy_stream(kept: tuple[Any, ...]) -> None:
    kind, keys, *rest = kept
    _numpy().random.set_state((kind, _numpy().frombuffer(keys, "uint32"), *rest))


def _torch_stream() -> bytes:
    kept: bytes = _torch().get_rng_state().numpy().tobytes()
    return kept


def _restore_torch_stream(kept: bytes) -> None:
    _torch().set_rng_state(_torch().frombuffer(bytearray(kept), dtype=_torch().uint8))


def _deterministic() -> tuple[bool, bool]:
    torch = _torch()
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _cudnn() -> tuple[bool, ...]:
    flags = _torch().backends.cudnn
    return flags.enabled, flags.deterministic, flags.benchmark, flags.allow_tf32


def _restore_cudnn(kept: tuple[bool, ...]) -> None:
    flags = _torch().backends.cudnn
    flags.enabled, flags.deterministic, flags.benchmark, flags.allow_tf32 = kept


def _device() -> str:
    return str(_torch().get_default_device())


def _restore_device(kept: str) -> None:
    _torch().set_default_device(None if kept == "cpu" else kept)


LIBRARIES: tuple[State, ...] = (
    State(
        "numpy's handling of floating-point errors",
        lambda: _numpy().geterr(),
        lambda kept: _numpy().seterr(**kept),
        "numpy",
    ),
    State("the random numbers of numpy", _numpy_stream, _restore_numpy_stream, "numpy", drawn=True),
    State(
        "torch's default dtype",
        lambda: _torch().get_default_dtype(),
        lambda kept: _torch().set_default_dtype(kept),
        "torch",
    ),
    State("torch's default device", _device, _restore_device, "torch"),
    State(
        "torch's gradient mode",
        lambda: _torch().is_grad_enabled(),
        lambda kept: _torch().set_grad_enabled(kept),
        "torch",
    ),
    State("torch's inference mode", lambda: _torch().is_inference_mode_enabled(), None, "torch"),
    State(
        "torch's choice of deterministic algorithms",
        _deterministic,
        lambda kept: _torch().use_deterministic_algorithms(kept[0], warn_only=kept[1]),
        "torch",
    ),
    State("the flags of cuDNN", _cudnn, _restore_cudnn, "torch"),
    State(
        "torch's precision of matrix products",
        lambda: _torch().get_float32_matmul_precision(),
        lambda kept: _torch().set_float32_matmul_precision(kept),
        "torch",
    ),
    State(
        "torch's detection of anomalies",
        lambda: _torch().is_anomaly_enabled(),
        lambda kept: _torch().autograd.set_detect_anomaly(kept),
        "torch",
    ),
    State(
        "torch's autocast on the CPU",
        lambda: _torch().is_autocast_enabled("cpu"),
        lambda kept: _torch().set_autocast_enabled("cpu", kept),
        "torch",
    ),
    State(
        "the number of torch's threads",
        lambda: _torch().get_num_threads(),
        lambda kept: _torch().set_num_threads(kept),
        "torch",
    ),
    State("the number of torch's inter-op threads", lambda: _torch().get_num_interop_threads(), None, "torch"),
    State("the random numbers of torch", _torch_stream, _restore_torch_stream, "torch", drawn=True),
)
