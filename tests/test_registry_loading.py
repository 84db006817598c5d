"""Loading plugins: third-party packages made on the spot, found through entry points."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from redheart_core import PluginError, RunFinished, SettingsError, hookimpl
from redheart_core.discovery import fence as fencing
from redheart_core.discovery import process_state
from redheart_core.discovery.process_state import State
from redheart_registry import load_registry

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


def test_nodes_come_in_file_order_with_scale_settings_under_those_of_the_file(install: Install) -> None:
    install("alpha", node("alpha", setting="depth: int = 7"))
    install("beta", node("beta", group="'shared'"))
    document = {
        "active": ["beta", "alpha"],
        "plugins": {"alpha": {"depth": 9, "group": "mine", "learning_rate_scale": 0.5, "loss_weight": 2}},
    }
    beta, alpha = load_registry(document).nodes("base")
    assert (alpha.name, alpha.plugin, alpha.kind, alpha.distribution, alpha.version) == (
        "alpha",
        "alpha",
        "analyzer",
        "fake-alpha",
        "1.5",
    )
    assert (alpha.group, alpha.learning_rate_scale, alpha.loss_weight) == ("mine", 0.5, 2.0)
    assert (alpha.settings.width, alpha.settings.depth) == (3, 9)
    assert (beta.name, beta.group, beta.settings.width) == ("beta", "shared", 3)
    assert load_registry({"active": ["alpha"], "plugins": {"alpha": {"width": 8}}}).nodes("tiny")[0].settings.width == 8


def test_an_unknown_scale_is_refused(install: Install) -> None:
    install("alpha", node("alpha"))
    with pytest.raises(SettingsError, match="no scale 'huge' \\(scales: tiny, small, base, full\\)"):
        load_registry({"active": ["alpha"]}).nodes("huge")


def test_settings_that_fit_only_some_scales_are_refused_at_the_others(install: Install) -> None:
    comparing = (
        "heads: int = attrs.field(default=1)\n"
        "    @heads.validator\n"
        "    def _divides(self, attribute, value):\n"
        '        if self.width % value: raise ValueError(f"heads {value} has to divide width {self.width}")'
    )
    install("alpha", node("alpha", setting=comparing))
    only_base = load_registry({"active": ["alpha"], "plugins": {"alpha": {"heads": 3}}})
    assert only_base.nodes("base")[0].settings.heads == 3
    registry = load_registry({"active": ["alpha"], "plugins": {"alpha": {"heads": 2}}})
    assert registry.nodes("full")[0].settings.heads == 2
    with pytest.raises(SettingsError, match=r"does not fit the scale base:\n.*heads 2 has to divide width 3"):
        registry.nodes("base")


def test_only_active_plugins_are_imported(install: Install) -> None:
    install("alpha", node("alpha"))
    install("beta", "raise RuntimeError('imported')")
    load_registry({"active": ["alpha"]})
    assert "fake_beta" not in sys.modules


def test_an_active_plugin_that_cannot_be_imported_is_named_with_reason_and_remedy(install: Install) -> None:
    install("alpha", "import no_such_module")
    with pytest.raises(PluginError) as caught:
        load_registry({"active": ["alpha"]})
    assert str(caught.value) == (
        "plugin 'alpha' (fake-alpha 1.5, module fake_alpha) cannot be imported: ModuleNotFoundError: "
        "No module named 'no_such_module'; repair it (pip install no_such_module) or leave it out (--disable alpha)"
    )


@pytest.mark.parametrize("source", ["raise ValueError('bad')", "import sys; sys.exit(3)", "def f(:", "1 / 0"])
def test_whatever_an_import_raises_names_the_plugin(install: Install, source: str) -> None:
    install("alpha", source)
    with pytest.raises(PluginError, match=r"plugin 'alpha' \(fake-alpha 1.5.*cannot be imported: .*--disable alpha"):
        load_registry({"active": ["alpha"]})


def test_two_packages_with_one_name_are_both_named(install: Install) -> None:
    install("alpha", node("alpha"), distribution="first-owner")
    install("alpha", node("alpha"), distribution="second-owner")
    load_registry({"active": []})
    owners = (
        r"several packages: first-owner 1.5 \(module fake_alpha\), second-owner 1.5 \(module fake_alpha\); uninstall"
    )
    with pytest.raises(PluginError, match=owners):
        load_registry({"active": ["alpha"]})


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("alpha", "x = 1", "implements no hook"),
        ("alpha", node("alpha", minimum_core="99.0"), "needs redheart 99.0 or newer"),
        ("alpha", node("alpha", minimum_core="new"), "minimum_core has to be a version"),
        ("alpha", node("alpha", scales='{"tiny": 1}.items()'), "has to have the scales .*, got tiny"),
        ("alpha", node("alpha", scales=SCALES.replace("1", "'1'")), "scale tiny: 'width' expects an integer"),
        ("alpha", node("alpha", gives=("a", "a")), "declares an output more than once: a"),
        ("alpha", node("alpha", gives=()), "declares no output"),
        ("alpha", node("alpha", setting="group: str = 'x'"), "settings cannot be named group"),
        ("alpha", node("alpha", setting="x: list = None"), "settings class cannot be used: setting 'x'"),
        ("alpha", node("alpha") + "\n@hookimpl\ndef redheart_dance(): pass", "unknown hook 'redheart_dance'"),
        ("alpha", node("alpha") + "\ndef redheart_after_run(event): pass", "has to be marked with @hookimpl"),
        ("alpha", node("alpha") + "\n@hookimpl\ndef redheart_after_run(evnt): pass", "does not fit redheart's hooks"),
        ("alpha", node("alpha") + DATASET.format(name="alpha"), "offers 'alpha' more than once"),
        ("alpha", node("alpha").replace("return [", "return [] and ["), "offers nothing"),
        ("alpha", node("alpha").replace("return [", "return 1, ["), "has to return a list, got tuple"),
        (
            "alpha",
            node("alpha").replace("return [NodeSpec", "1 / 0; return [NodeSpec"),
            "failed with ZeroDivisionError",
        ),
        ("alpha", node("alpha").replace("_analyzers", "_encoders"), "a list of EncoderSpec, got NodeSpec"),
        ("Alpha", node("Alpha"), "lower-case letters, digits and _"),
        ("training", node("training"), "cannot be named 'training'"),
    ],
)
def test_a_broken_contract_is_named(install: Install, name: str, source: str, message: str) -> None:
    install(name, source)
    with pytest.raises(PluginError, match=rf"plugin '{name}' \(fake-{name} 1\.5(.|\n)*{message}"):
        load_registry({"active": [name]})


@pytest.mark.parametrize("minimum_core", ["0", "0.1", "0.1.0"])
def test_a_minimum_core_up_to_this_one_is_fine(install: Install, minimum_core: str) -> None:
    install("alpha", node("alpha", minimum_core=minimum_core))
    assert len(load_registry({"active": ["alpha"]}).nodes("tiny")) == 1


def test_an_entry_point_that_is_no_module_is_refused(install: Install) -> None:
    install("alpha", node("alpha"), value="fake_alpha:thing")
    with pytest.raises(PluginError, match="has to name a module, got 'fake_alpha:thing'"):
        load_registry({"active": ["alpha"]})


def test_one_module_at_two_entry_points_offers_its_plugins_twice(install: Install) -> None:
    install("alpha", node("alpha"))
    install("beta", "", value="fake_alpha")
    with pytest.raises(PluginError, match=r"'alpha' is offered by several packages: fake-alpha .*, fake-beta"):
        load_registry({"active": ["alpha"]})


def test_plugins_of_one_package_are_addressed_one_by_one(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(builtins, "redheart_test_calls", calls, raising=False)
    both = node("alpha").replace("return [", "return [other, ") + EVENTS.format(name="pair")
    both = both.replace("@hookimpl\ndef redheart_provide", f"{OTHER}\n@hookimpl\ndef redheart_provide", 1)
    install("pair", both)
    install("gamma", node("gamma"))
    registry = load_registry({"active": ["gamma", "beta"], "plugins": {"beta": {"width": 7}}}, enable=["alpha"])
    assert [(one.name, one.settings.width) for one in registry.nodes("tiny")] == [
        ("gamma", 1),
        ("beta", 7),
        ("alpha", 1),
    ]
    assert [(one.plugin, one.distribution) for one in registry.nodes("tiny")][1:] == [
        ("beta", "fake-pair"),
        ("alpha", "fake-pair"),
    ]
    registry.hooks.after_run(RunFinished(Path(), ()))
    assert calls == ["pair"]  # once, whatever number of its plugins is active
    assert list(load_registry({"active": ["beta"]}).plugins) == ["beta"]


def test_mistakes_in_file_and_settings_and_broken_plugins_are_reported_at_once(install: Install) -> None:
    install("alpha", node("alpha"))
    install("beta", "import no_such_module")
    install("gamma", DATASET.format(name="gamma"))
    document = {
        "active": ["alpha", "beta", "gamma", "nobody"],
        "plugins": {"alpha": {"widht": 3}, "gamma": {"path": 1, "group": "g"}},
    }
    with pytest.raises(SettingsError) as caught:
        load_registry(document)
    text = str(caught.value)
    for part in (
        "active lists 'nobody', which is not installed",
        "[plugins.alpha] has no key 'widht' (known: group, learning_rate_scale, loss_weight, width)",
        "[plugins.gamma] 'path' expects a path as text, got the integer 1",
        "[plugins.gamma]: only nodes have group; 'gamma' is of kind dataset",
        "plugin 'beta' (fake-beta 1.5, module fake_beta) cannot be imported",
    ):
        assert part in text
    assert len(text.splitlines()) == 6


def test_a_data_set_asks_for_required_settings_only_when_it_is_used(install: Install) -> None:
    install("alpha", DATASET.format(name="alpha"))
    registry = load_registry({"active": ["alpha"]})
    with pytest.raises(SettingsError, match=r"\[plugins.alpha\] lacks 'path'"):
        registry.dataset("alpha")
    spec, settings = load_registry({"active": ["alpha"]}, overrides=["alpha.path=a.txt"]).dataset("alpha")
    assert (spec.name, settings.path) == ("alpha", Path("a.txt"))


def test_asking_for_a_plugin_that_is_not_there_lists_those_that_are(install: Install) -> None:
    install("alpha", DATASET.format(name="alpha"))
    install("beta", node("beta"))
    install("gamma", DATASET.format(name="gamma"))
    registry = load_registry({"active": ["alpha", "beta"]})
    with pytest.raises(PluginError, match=r"there is no dataset 'delta' \(active datasets: alpha\)"):
        registry.dataset("delta")
    with pytest.raises(
        PluginError, match=r"'gamma' is installed but not active; --enable gamma \(active datasets: alpha"
    ):
        registry.dataset("gamma")
    with pytest.raises(PluginError, match=r"'beta' is of kind analyzer, not encoder \(active encoders: none\)"):
        registry.encoder("beta")


def test_a_node_that_reads_an_inactive_one_is_refused(install: Install) -> None:
    install("alpha", node("alpha"))
    install("beta", node("beta", reads=("alpha.value",)))
    install("gamma", node("gamma", reads=("zeta.value",)))
    with pytest.raises(PluginError, match=r"'beta' reads 'alpha\.value', but 'alpha' is not active; --enable alpha"):
        load_registry({"active": ["beta"]})
    load_registry({"active": ["beta"]}, enable=["alpha"])
    with pytest.raises(PluginError, match=r"'gamma' .* reads 'zeta', but no plugin 'zeta' is installed"):
        load_registry({"active": ["gamma"]})


def test_nodes_that_read_each_other_are_refused(install: Install) -> None:
    install("alpha", node("alpha", reads=("beta.value",)))
    install("beta", node("beta", reads=("alpha.value",)))
    with pytest.raises(PluginError, match="read each other in a circle"):
        load_registry({"active": ["alpha", "beta"]})


def test_a_head_reads_a_node_of_its_own_group(install: Install) -> None:
    install("alpha", node("alpha"))
    install("beta", node("beta", kind="heads", reads=("alpha.value",)))
    with pytest.raises(PluginError, match="head 'beta' is in group 'beta' but reads 'alpha' of group 'alpha'"):
        load_registry({"active": ["alpha", "beta"]})
    nodes = load_registry({"active": ["alpha", "beta"], "plugins": {"beta": {"group": "alpha"}}}).nodes("tiny")
    assert [(item.kind, item.group) for item in nodes] == [("analyzer", "alpha"), ("head", "alpha")]


def test_event_hooks_run_in_file_order_after_those_of_the_host(
    install: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(builtins, "redheart_test_calls", calls, raising=False)
    for name in ("alpha", "beta", "gamma"):
        install(name, EVENTS.format(name=name))

    @attrs.frozen
    class Display:
        name: str

        @hookimpl
        def redheart_after_run(self, event: RunFinished) -> None:
            calls.append(self.name)

    traced: list[str] = []
    document = {"active": ["gamma", "alpha", "beta"]}
    registry = load_registry(document, event_plugins=[Display("one"), Display("two")], trace=traced.append)
    registry.hooks.after_run(RunFinished(tmp_path, ()))
    assert calls == ["one", "two", "gamma", "alpha", "beta"]
    assert registry.plugins["gamma"].kind == "events"
    assert len(traced) == 1
    assert traced[0].startswith("redheart_after_run(event=RunFinished(")
    assert traced[0].endswith("): event plugin 1, event plugin 2, fake_gamma, fake_alpha, fake_beta")


def test_the_resolved_configuration_loads_the_same_again(install: Install) -> None:
    install("alpha", node("alpha"))
    install("beta", node("beta"))
    first = load_registry(
        {"active": ["alpha"], "training": {"epochs": 3}},
        enable=["beta"],
        overrides=["beta.width=9", "beta.group=alpha"],
    )
    stored = first.resolved("small")
    assert stored["plugins"]["beta"] == {
        "kind": "analyzer",
        "distribution": "fake-beta",
        "version": "1.5",
        "group": "alpha",
        "learning_rate_scale": 1.0,
        "loss_weight": 1.0,
        "settings": {"width": 9},
    }
    again = load_registry(stored["document"])
    assert again.resolved("small") == stored
    assert again.nodes("full")[1].settings.width == 9
    assert again.table("training") == {"epochs": 3}
    assert again.table("data") == {}


def test_first_party_and_third_party_plugins_are_found_alike(install: Install) -> None:
    install("alpha", node("alpha"))
    installed = load_registry({"active": []}).installed
    assert installed["alpha"].entry.distribution == "fake-alpha"
    assert installed["backbone"].entry.distribution == "redheart"
    assert list(installed) == sorted(installed)


def test_what_a_plugin_does_on_import_stays_inside(install: Install, capfd: pytest.CaptureFixture[str]) -> None:
    noisy = "import os, sys\nprint('hello')\nos.write(1, b'hello')\nsys.setrecursionlimit(12_345)\nos.chdir('/')\n"
    before = Path.cwd(), sys.getrecursionlimit()
    install("alpha", noisy + node("alpha"))
    load_registry({"active": ["alpha"]})
    assert capfd.readouterr().out == ""
    assert (Path.cwd(), sys.getrecursionlimit()) == before


def test_a_plugin_that_changes_what_cannot_be_put_back_is_refused(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("alpha", "from redheart_core.discovery import process_state as p\np.tiny = True\n" + node("alpha"))
    tiny = State("the handling of tiny numbers", lambda: getattr(process_state, "tiny", False), None)
    monkeypatch.setattr(fencing, "PROCESS", (tiny,))
    monkeypatch.setattr(process_state, "tiny", False, raising=False)
    with pytest.raises(PluginError, match=r"plugin 'alpha' \(fake-alpha 1.5.* changes the handling of tiny numbers"):
        load_registry({"active": ["alpha"]})
