"""Every scale above another one is within reach: widths near to that of the scale, heads no narrower than they were."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import attrs
import pytest

from redheart_core import NodeSpec
from redheart_core.contract.nodes import SCALES
from redheart_core.testing.discovery import load_all
from redheart_core.training.growing import grown_with, of_scale

GROWING = [plugin.spec for plugin in load_all() if isinstance(plugin.spec, NodeSpec) and plugin.spec.grown is not None]
HEADS = {"heads": "width", "causal_heads": "causal_width"}


@pytest.mark.parametrize("start", SCALES[:-1])
@pytest.mark.parametrize("spec", GROWING, ids=lambda spec: str(spec.name))
def test_a_node_grows_from_scale_to_scale(spec: NodeSpec, start: str) -> None:
    node: Any = _Node(spec, spec.settings(**spec.scales[start]))
    for before, scale in pairwise(SCALES[SCALES.index(start) :]):
        wanted = of_scale(spec, scale)
        larger = grown_with(node, wanted)
        for heads, width in HEADS.items():
            if heads in attrs.fields_dict(spec.settings):
                old, new = (getattr(one.settings, width) / getattr(one.settings, heads) for one in (node, larger))
                assert (new >= old, new % 1) == (True, 0.0), f"{width} from {before} to {scale}"
        for name in (name for name in wanted if name.endswith("width")):
            assert 0.69 < getattr(larger.settings, name) / wanted[name] < 1.45, f"{name} from {before} to {scale}"
        node = larger


@attrs.frozen
class _Node:
    """As much of an active node as growing reads."""

    spec: NodeSpec
    settings: Any
    name: str = "node"
