"""Sources of small third-party plugins, and a fixture that installs them as pip would."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Install = Callable[..., None]

NODE = """
import attrs
from redheart_core import NodeSpec, Output, hookimpl

@attrs.frozen
class Settings:
    width: int = 4
    {setting}

@hookimpl
def redheart_provide_{kind}():
    return [NodeSpec(
        name="{name}", meaning="a node", settings=Settings,
        scales={{scale: {{"width": width}} for scale, width in {scales}}},
        reads={reads}, gives=tuple(Output(name, "an output", "values") for name in {gives}),
        build=lambda context: None, group={group}, minimum_core="{minimum_core}",
    )]
"""
SCALES = '{"tiny": 1, "small": 2, "base": 3, "full": 4}.items()'
DATASET = """
import attrs
from pathlib import Path
from redheart_core import DatasetSpec, hookimpl

@attrs.frozen
class Settings:
    path: Path

@hookimpl
def redheart_provide_datasets():
    return [DatasetSpec("{name}", "a data set", Settings, lambda settings: (), lambda settings: iter(()))]
"""
EVENTS = """
import builtins
from redheart_core import hookimpl

@hookimpl
def redheart_after_run(event):
    builtins.redheart_test_calls.append("{name}")
"""

OTHER = """
other = NodeSpec(
    name="beta", meaning="another node", settings=Settings, scales=dict.fromkeys(("tiny", "small", "base", "full"), {}),
    reads=("embedding",), gives=(Output("value", "an output", "values"),), build="fake_pair:build",
)
"""


def node(name: str, kind: str = "analyzers", **changes: Any) -> str:
    values = {
        "setting": "",
        "scales": SCALES,
        "reads": ("embedding",),
        "gives": ("value",),
        "group": None,
        "minimum_core": "0.1",
        **changes,
    }
    return NODE.format(name=name, kind=kind, **values)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a plugin of one module, as pip would leave it."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def install_one(name: str, source: str, distribution: str = "", value: str = "") -> None:
        distribution = distribution or f"fake-{name}"
        (tmp_path / f"fake_{name}.py").write_text(source)
        info = tmp_path / f"{distribution.replace('-', '_')}-1.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.5\n")
        (info / "entry_points.txt").write_text(f"[redheart]\n{name} = {value or f'fake_{name}'}\n")

    yield install_one
    for module in set(sys.modules) - before:
        if module.startswith("fake_"):
            del sys.modules[module]
