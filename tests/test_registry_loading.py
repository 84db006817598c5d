"""Loading plugins: third-party packages made on the spot, found through entry points."""

from __future__ import annotations

import builtins
import sys
from pathlib import Path

import attrs
import pytest
from plugin_sources import DATASET, EVENTS, OTHER, Install, node

from redheart_core import PluginError, RunFinished, SettingsError, hookimpl
from redheart_core.runs.describe import describe_node
from redheart_registry import load_registry


def test_nodes_come_in_file_order_with_scale_settings_under_those_of_the_file(install: Install) -> None:
    install("alpha", node("alpha", setting="depth: int = 7"))
    install("beta", node("beta", group="'shared'"))
    document = {
        "active": ["beta", "alpha"],
        "plugins": {
            "alpha": {"depth": 9, "group": "mine", "learning_rate_scale": 0.5, "loss_weight": 2, "residual": False}
        },
    }
    beta, alpha = load_registry(document).nodes("base")
    assert (alpha.name, alpha.plugin, alpha.kind, alpha.distribution, alpha.version) == (
        "alpha",
        "alpha",
        "analyzer",
        "fake-alpha",
        "1.5",
    )
    assert (alpha.group, alpha.learning_rate_scale, alpha.loss_weight, alpha.residual) == ("mine", 0.5, 2.0, False)
    assert (alpha.settings.width, alpha.settings.depth) == (3, 9)
    assert (beta.name, beta.group, beta.settings.width) == ("beta", "shared", 3)
    assert load_registry({"active": ["alpha"], "plugins": {"alpha": {"width": 8}}}).nodes("tiny")[0].settings.width == 8


def test_only_active_plugins_are_imported(install: Install) -> None:
    install("alpha", node("alpha"))
    install("beta", "raise RuntimeError('imported')")
    load_registry({"active": ["alpha"]})
    assert "fake_beta" not in sys.modules


@pytest.mark.parametrize("minimum_core", ["0", "0.1", "0.1.0"])
def test_a_minimum_core_up_to_this_one_is_fine(install: Install, minimum_core: str) -> None:
    install("alpha", node("alpha", minimum_core=minimum_core))
    assert len(load_registry({"active": ["alpha"]}).nodes("tiny")) == 1


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


def test_a_data_set_asks_for_required_settings_only_when_it_is_used(install: Install) -> None:
    install("alpha", DATASET.format(name="alpha"))
    registry = load_registry({"active": ["alpha"]})
    with pytest.raises(SettingsError, match=r"\[plugins.alpha\] lacks 'path'"):
        registry.dataset("alpha")
    spec, settings = load_registry({"active": ["alpha"]}, overrides=["alpha.path=a.txt"]).dataset("alpha")
    assert (spec.name, settings.path) == ("alpha", Path("a.txt"))


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
    second = first.nodes("small")[1]
    assert (second.name, second.group, second.settings.width) == ("beta", "alpha", 9)
    again = load_registry(first.plugins_toml.document())
    for one, other in zip(again.nodes("small"), first.nodes("small"), strict=True):
        assert describe_node(one) == describe_node(other)
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
