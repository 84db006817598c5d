"""Whether the packages of the extra redheart[export] are installed."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version

from redheart_core.contract.errors import MissingResourceError

TO_ANSWER = ("onnxruntime",)
TO_EXPORT = ("onnx", "onnxruntime", "onnxscript")


def require_extra(names: tuple[str, ...]) -> dict[str, str]:
    """The versions of some packages.

    Raises:
        MissingResourceError: One is not installed.
    """
    try:
        for name in names:
            import_module(name)
    except ModuleNotFoundError as error:
        raise MissingResourceError(
            f"exported models need {', '.join(names)}, and {error.name} is not installed; "
            "pip install 'redheart[export]'"
        ) from error
    return {name: version(name) for name in names}
