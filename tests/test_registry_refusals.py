"""Plugins, settings and combinations that loading refuses, by name and with a remedy."""

from __future__ import annotations

import pytest
from plugin_sources import DATASET, SCALES, Install, node

from redheart_core import PluginError, SettingsError
from redheart_core.discovery import fence as fencing
from redheart_core.discovery import process_state
from redheart_core.discovery.process_state import State
from redheart_registry import load_registry


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


def test_an_entry_point_that_is_no_module_is_refused(install: Install) -> None:
    install("alpha", node("alpha"), value="fake_alpha:thing")
    with pytest.raises(PluginError, match="has to name a module, got 'fake_alpha:thing'"):
        load_registry({"active": ["alpha"]})


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
        "[plugins.alpha] has no key 'widht' (known: beside, group, ignores, learning_rate_scale, learns, ",
        "[plugins.gamma] 'path' expects a path as text, got the integer 1",
        "[plugins.gamma]: only nodes have group; 'gamma' is of kind dataset",
        "plugin 'beta' (fake-beta 1.5, module fake_beta) cannot be imported",
    ):
        assert part in text
    assert len(text.splitlines()) == 6


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


def test_a_plugin_that_changes_what_cannot_be_put_back_is_refused(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("alpha", "from redheart_core.discovery import process_state as p\np.tiny = True\n" + node("alpha"))
    tiny = State("the handling of tiny numbers", lambda: getattr(process_state, "tiny", False), None)
    monkeypatch.setattr(fencing, "PROCESS", (tiny,))
    monkeypatch.setattr(process_state, "tiny", False, raising=False)
    with pytest.raises(PluginError, match=r"plugin 'alpha' \(fake-alpha 1.5.* changes the handling of tiny numbers"):
        load_registry({"active": ["alpha"]})
