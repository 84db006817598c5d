"""`redheart plugins` and what all commands share."""

from __future__ import annotations

import errno
import importlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import torch
from click.testing import CliRunner, Result
from new_python import run_python

from redheart.options import PluginChoice
from redheart_cli.main import COMMANDS, cli
from redheart_cli.options import plugin_options
from redheart_core import BuildContext, NodeSpec, RunFinished
from redheart_registry import installed_plugins, load_registry

Install = Callable[..., None]

READER = """
import attrs
from redheart_core import LossTerm, Metric, NodeSpec, Objective, Output, hookimpl
from new_python import run_python

@attrs.frozen
class Settings:
    width: int = 3

@hookimpl
def redheart_provide_fusions():
    return [NodeSpec(
        name="{name}", meaning="reads another node", settings=Settings,
        scales=dict.fromkeys(("tiny", "small", "base", "full"), {{}}),
        reads=({reads}), gives=(Output("value", "features", "features", ("T", "width"), labels={labels}),),
        build=build, targets=(),
    )]

def build(context):
    from torch import nn
    return nn.Linear(context.input_width({reads}), context.settings.width)
"""


@pytest.fixture(scope="module")
def inspected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of what inspecting all that is installed has shown; read only."""
    cache = tmp_path_factory.mktemp("inspected")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        installed_plugins()
    return cache


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inspected: Path) -> Iterator[Install]:
    """Install a plugin of one module, or a folder with a package, as pip would leave it."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("XDG_CACHE_HOME", str(shutil.copytree(inspected, tmp_path / "cache")))
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)

    def install_one(name: str, source: str = "", folder: Path | None = None) -> None:
        module = f"cli_{name}" if folder is None else f"redheart_{name}"
        if folder is None:
            (site / f"{module}.py").write_text(source)
        else:
            monkeypatch.syspath_prepend(folder)
        info = site / f"cli_{name}-1.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: cli-{name}\nVersion: 1.5\n")
        (info / "entry_points.txt").write_text(f"[redheart]\n{name} = {module}\n")

    yield install_one
    for module in set(sys.modules) - before:
        if module.startswith("cli_") or module.partition(".")[0] == "redheart_made_here":
            del sys.modules[module]


def redheart(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def toml(active: str) -> str:
    Path("plugins.toml").write_text(f"active = [{active}]\n")
    return "plugins.toml"


def test_each_command_of_the_table_is_there_under_its_name() -> None:
    for name, (module, line) in COMMANDS.items():
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        assert line.endswith(".")


def test_the_list_is_a_table_with_broken_plugins_and_their_reasons(install: Install) -> None:
    install("reader", READER.format(name="reader", reads='"embedding",', labels=None))
    install("shaky", "import no_such_module")
    result = redheart("plugins", "list", "--plugins", toml('"reader"'))
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].split() == ["NAME", "KIND", "GROUP", "ACTIVE", "VERSION", "DISTRIBUTION", "WHY"]
    assert lines[1].split() == [
        "reader",
        "fusion",
        "reader",
        "yes",
        "1.5",
        "cli-reader",
        "listed",
        "in",
        "plugins.toml",
    ]
    assert [line.split()[1] for line in lines if line.startswith("shaky")] == ["broken"]
    assert (
        "broken: plugin 'shaky' (cli-shaky 1.5, module cli_shaky) cannot be imported: ModuleNotFound" in result.output
    )


def test_the_list_as_json_has_a_row_for_each_installed_plugin(install: Install) -> None:
    install("reader", READER.format(name="reader", reads='"embedding",', labels=None))
    result = redheart("plugins", "list", "--json", "--plugins", toml(""), "--enable", "reader")
    rows = json.loads(result.stdout)
    assert {row["name"] for row in rows} == set(installed_plugins())
    assert rows[0] == {
        "name": "reader",
        "kind": "fusion",
        "meaning": "reads another node",
        "group": "reader",
        "active": True,
        "why": "--enable",
        "adds_nothing": "",
        "version": "1.5",
        "distribution": "cli-reader",
        "broken": "",
    }


def test_what_adds_nothing_to_the_fusion_is_marked_in_the_list(install: Install) -> None:
    source = READER.format(name="reader", reads='"embedding",', labels=None)
    install("reader", source.replace('meaning="reads', 'adds_nothing="village", meaning="reads'))
    result = redheart("plugins", "list", "--plugins", toml('"reader"'))
    (line,) = [line for line in result.output.splitlines() if line.startswith("reader ")]
    assert line.endswith("listed in plugins.toml; adds nothing to the fusion on village")
    rows = json.loads(redheart("plugins", "list", "--json", "--plugins", toml('"reader"')).stdout)
    assert rows[0]["adds_nothing"] == "village"
    assert [row["adds_nothing"] for row in rows if row["name"] == "mean_fusion"] == [""]


def test_listing_imports_neither_torch_nor_any_plugin(install: Install, tmp_path: Path) -> None:
    install("reader", READER.format(name="reader", reads='"embedding",', labels=None))
    script = (
        "import sys\n"
        "from redheart_cli.main import cli\n"
        "cli(['plugins', 'list', '--json'], standalone_mode=False)\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)\n"
    )
    done = run_python(script, with_path=True)
    modules = {plugin.entry.module for plugin in installed_plugins().values()} | {"torch", "numpy", "rich"}
    assert "cli_reader" in modules
    assert modules & set(done.err.split()) == set()
    assert len(json.loads(done.out)) == len(installed_plugins())


def test_user_errors_exit_with_1_and_no_traceback_and_usage_errors_with_2(install: Install) -> None:
    result = redheart("plugins", "list", "--plugins", "missing.toml")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: no such file: missing.toml; --plugins expects a plugins.toml\n"
    assert redheart("plugins", "list", "--colour").exit_code == 2
    assert redheart("dance").exit_code == 2
    assert "Traceback" not in redheart("dance").output


def test_the_version_is_that_of_the_distribution() -> None:
    from importlib.metadata import version

    assert redheart("--version").output.split() == ["redheart,", "version", version("redheart")]


def info(name: str, *more: str) -> dict[str, Any]:
    result = redheart("plugins", "info", name, "--json", *more)
    assert result.exit_code == 0, result.output
    details: dict[str, Any] = json.loads(result.stdout)
    return details


def test_a_new_plugin_is_whole_and_described_with_its_sizes(install: Install, tmp_path: Path) -> None:
    result = redheart("plugins", "new", "made_here", "--folder", "below")
    assert result.exit_code == 0, result.output
    folder = tmp_path / "below" / "made_here"
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    package = {
        f"redheart_made_here/{name}" for name in ("__init__.py", "settings.py", "model.py", "training.py", "py.typed")
    }
    assert files == package | {"README.md", "pyproject.toml", "tests/test_made_here_conformance.py"}
    install("made_here", folder=folder)
    toml("")
    details = info("made_here", "--set", "made_here.huber_beta=0.2")
    # Linear layers D -> w, w -> 1, w -> w, w -> 1, D = 768; all but the score, whose softmax ignores it, have a bias
    sizes = {scale: size["parameters"] for scale, size in details["scales"].items()}
    widths = {"tiny": 16, "small": 64, "base": 512, "full": 1024}
    assert sizes == {scale: 769 * w + w + (w + 1) * w + (w + 1) for scale, w in widths.items()}
    assert details["scales"]["small"]["reads"] == {"embedding": "(B, T, 768)"}
    assert details["scales"]["small"]["gives"] == {"regret": "(B)"}
    assert (details["kind"], details["group"], details["targets"]) == ("analyzer", "made_here", ["regret"])
    assert (details["gives"][0]["low"], details["gives"][0]["high"]) == (0.0, 1.0)
    assert [metric["direction"] for metric in details["metrics"]] == ["min"]
    beta = {"key": "huber_beta", "type": "a finite number", "required": False, "default": 0.1, "set": 0.2}
    assert beta in details["settings"]
    text = redheart("plugins", "info", "made_here").output
    assert f"small  {sizes['small']:,}" in text


def test_the_network_of_a_new_plugin_ignores_padding_and_learns_in_range(install: Install, tmp_path: Path) -> None:
    redheart("plugins", "new", "made_here")
    install("made_here", folder=tmp_path / "made_here")
    (node,) = load_registry({"active": ["made_here"]}).nodes("tiny")
    torch.manual_seed(0)
    assert isinstance(node.spec, NodeSpec)
    module = node.spec.build(BuildContext(node.settings, "tiny", {"embedding": ("T", 8)}, {}, frozenset({"regret"})))
    embedding = torch.randn(2, 3, 8)
    padded = torch.cat([embedding, torch.full((2, 1, 8), 50.0)], 1)
    mask = torch.tensor([[True, True, True, False]] * 2)
    short = module({"embedding": embedding, "mask": mask[:, :3]})["regret"]
    torch.testing.assert_close(module({"embedding": padded, "mask": mask})["regret"], short)
    assert short.shape == (2,)
    assert bool(((short > 0) & (short < 1)).all())


def test_of_a_new_plugin_that_cannot_be_written_nothing_is_left(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, done = Path.write_text, list[Path]()

    def fail(path: Path, text: str, encoding: str | None = None) -> int:
        if len(done) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done.append(path)
        return write(path, text, encoding)

    monkeypatch.setattr(Path, "write_text", fail)
    result = redheart("plugins", "new", "made_here", "--folder", "below")
    assert result.exit_code == 1
    assert "made_here: No space left on device; free some space" in result.stderr
    assert list((tmp_path / "below").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Upper", "lower-case letters"),
        ("with-hyphen", "lower-case letters"),
        ("1st", "lower-case letters"),
        ("../up", "lower-case letters"),
        ("class", "lower-case letters"),
        ("training", "reserved: active, analysis, data, plugins, training"),
        ("village", "there is a plugin 'village' already, from redheart"),
        ("core", "there is a package 'redheart_core' already"),
        ("there", "there exists already"),
    ],
)
def test_names_that_cannot_be_are_refused_and_nothing_is_written(install: Install, name: str, message: str) -> None:
    Path("there").mkdir()
    installed_plugins()  # what is installed is known from here on, and the cache is written
    before = sorted(Path().rglob("*"))
    result = redheart("plugins", "new", name)
    assert result.exit_code == 1
    assert message in result.stderr
    assert sorted(Path().rglob("*")) == before


def test_shapes_of_what_a_node_reads_come_from_the_nodes_it_reads(install: Install) -> None:
    install("source", READER.format(name="source", reads='"embedding",', labels='"bentham"'))
    install("reader", READER.format(name="reader", reads='"source.value",', labels=None))
    toml("")
    details = info("reader", "--set", "source.width=5")
    assert details["kind"] == "fusion"
    assert details["scales"]["tiny"]["reads"] == {"source.value": "(B, T, 5, 7)"}
    assert details["scales"]["tiny"]["gives"] == {"value": "(B, T, 3)"}
    assert details["scales"]["tiny"]["parameters"] == 7 * 3 + 3


def test_features_beside_the_embedding_are_among_what_a_node_reads(tmp_path: Path) -> None:
    path, table = tmp_path / "some.toml", '[plugins.neural_regret]\nbeside = ["backbone.regret"]'
    path.write_text(f'active = ["backbone", "regret_head", "neural_regret"]\n{table}\n', encoding="utf-8")
    beside = info("neural_regret", "--plugins", str(path))["scales"]["small"]
    assert beside["reads"]["backbone.regret"] == "(B, 64)"
    path.write_text('active = ["neural_regret"]\n', encoding="utf-8")
    alone = info("neural_regret", "--plugins", str(path))["scales"]["small"]
    assert alone["parameters"] < beside["parameters"]


def test_a_field_that_nothing_declares_leaves_the_sizes_out_and_says_so(install: Install) -> None:
    install("source", READER.format(name="source", reads='"embedding", "mood"', labels='"mood"'))
    toml("")
    details = info("source")
    assert details["scales"] == {}
    assert details["note"] == "no sizes: no active data set declares the field mood"


def test_another_broken_plugin_does_not_keep_one_from_being_described(install: Install) -> None:
    install("shaky", "import no_such_module")
    install("reader", READER.format(name="reader", reads='"embedding",', labels=None))
    toml('"shaky", "reader"')
    assert info("reader")["kind"] == "fusion"
    result = redheart("plugins", "info", "shaky")
    assert result.exit_code == 1
    assert "No module named 'no_such_module'" in result.stderr


def test_info_on_an_unknown_name_lists_the_installed_ones() -> None:
    result = redheart("plugins", "info", "nobody")
    assert result.exit_code == 1
    assert f"there is no plugin 'nobody' (installed: {', '.join(sorted(installed_plugins()))})" in result.stderr


def test_the_shared_options_reach_a_command_together() -> None:
    @click.command()
    @plugin_options
    @click.argument("word")
    def command(choice: PluginChoice, word: str) -> None:
        click.echo(repr((choice, word)))

    arguments = ["--plugins", "f", "--enable", "a", "--enable", "b", "--disable", "c", "--set", "a.x=1", "word"]
    expected = (PluginChoice(Path("f"), ("a", "b"), ("c",), ("a.x=1",)), "word")
    assert CliRunner().invoke(command, arguments).output == f"{expected!r}\n"


@pytest.mark.parametrize("tracing", [True, False])
def test_tracing_gives_a_line_for_every_call_of_a_hook(tracing: bool, install: Install, tmp_path: Path) -> None:
    toml("")
    lines: list[str] = []
    registry = PluginChoice(trace=lines.append if tracing else None).load()
    registry.hooks.after_run(RunFinished(tmp_path, ()))
    assert any("redheart_after_run(event=RunFinished(" in line for line in lines) is tracing
