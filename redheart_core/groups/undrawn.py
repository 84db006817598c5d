"""Parameters whose first values are not drawn, as those of a checkpoint take their place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

DRAWS = frozenset(
    {
        nn.init.kaiming_uniform_,
        nn.init.normal_,
        nn.init.trunc_normal_,
        nn.init.uniform_,
        Tensor.normal_,
        Tensor.uniform_,
    }
)
"""What draws a large parameter in place. Others, and whatever is no parameter, are drawn as ever."""


class Undrawn(TorchFunctionMode):
    """Inside, DRAWS leave a parameter as it is allocated.

    Drawing 700 million numbers takes ten seconds, and the next thing that happens to them is that a checkpoint is
    copied over them: GroupModule.load takes nothing less than all parameters.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        drawn = args[0] if args else kwargs.get("tensor")
        if func in DRAWS and isinstance(drawn, nn.Parameter):
            return drawn
        return func(*args, **kwargs)
