"""plugins.toml: what it may say, and all complaints at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import redheart_registry.plugins_toml as plugins_toml
from redheart_core import SettingsError
from redheart_registry import installed_plugins
from redheart_registry.plugins_toml import find_plugins_toml, parse_file, resolve

INSTALLED = ("alpha", "beta", "gamma")


def resolved(document: dict[str, Any], **changes: Any) -> plugins_toml.PluginsToml:
    return resolve(document, "plugins.toml", INSTALLED, **changes)


def test_the_list_gives_the_set_and_the_order() -> None:
    found = resolved({"active": ["gamma", "alpha"]})
    assert found.active == ("gamma", "alpha")
    assert found.complaints == ()


def test_node_options_are_distinguished_from_settings() -> None:
    found = resolved({"active": [], "plugins": {"alpha": {"group": "g", "loss_weight": 2, "width": 3}}})
    assert found.tables["alpha"] == {"width": 3}
    options = found.node_options("alpha")
    assert (options.group, options.learning_rate_scale, options.loss_weight) == ("g", 1.0, 2.0)


def test_every_mistake_is_named_at_once_with_what_is_known() -> None:
    found = resolved(
        {
            "active": ["alpha", "delta", "alpha"],
            "trainnig": {},
            "data": 3,
            "plugins": {"epsilon": {}, "beta": 1, "alpha": {"group": "../x", "learning_rate_scale": "fast"}},
        },
        overrides=["nothing", "gamma.width=1", "zeta.width=1"],
    )
    assert list(found.complaints) == [
        "plugins.toml has no key or table 'trainnig' "
        "(known: active, agents, analysis, data, groups, memory, plugins, training)",
        "active lists 'alpha' 2 times",
        "active lists 'delta', which is not installed (installed: alpha, beta, gamma)",
        "plugins.beta expects a table, as in [plugins.beta], got 1",
        "[plugins.epsilon]: 'epsilon' is not installed (installed: alpha, beta, gamma)",
        "data expects a table, as in [data], got 3",
        "--set expects plugin.key=value, such as my_plugin.width=256; got 'nothing'",
        "--set gamma.width=1: 'gamma' is not active; add --enable gamma",
        "--set zeta.width=1: there is no plugin or table 'zeta' "
        "(known: agents, alpha, analysis, data, memory, training)",
        "[plugins.alpha] 'learning_rate_scale' expects a finite number, got text 'fast'",
        "[plugins.alpha] 'group' must match regex '[A-Za-z0-9_-]+' ('../x' doesn't)",
    ]


def test_a_missing_or_malformed_list_is_a_complaint() -> None:
    assert "active is missing" in resolved({}).complaints[0]
    assert "active expects a list" in resolved({"active": "alpha"}).complaints[0]
    assert "plugins expects tables" in resolved({"active": [], "plugins": 1}).complaints[0]


@pytest.mark.parametrize("value", [0, -1.0])
@pytest.mark.parametrize("key", ["learning_rate_scale", "loss_weight"])
def test_scales_and_weights_have_to_be_positive(key: str, value: float) -> None:
    found = resolved({"active": [], "plugins": {"alpha": {key: value}}})
    assert found.complaints == (f"[plugins.alpha] '{key}' must be > 0.0: {float(value)}",)


def test_a_table_of_an_inactive_plugin_is_fine() -> None:
    assert resolved({"active": [], "plugins": {"alpha": {"width": 3}}}).complaints == ()


def test_enable_adds_at_the_end_and_disable_removes() -> None:
    found = resolved({"active": ["beta", "gamma"]}, enable=["alpha", "beta"], disable=["gamma"])
    assert found.active == ("beta", "alpha")
    assert found.reasons == {"alpha": "--enable", "gamma": "--disable"}
    assert found.complaints == ()


def test_switches_without_effect_or_in_conflict_are_complaints() -> None:
    found = resolved({"active": ["beta"]}, enable=["delta", "gamma"], disable=["alpha", "gamma"])
    assert list(found.complaints) == [
        "'gamma' is both enabled and disabled",
        "--enable delta: it is not installed (installed: alpha, beta, gamma)",
        "--disable alpha: it is not active (active: beta)",
    ]


def test_overrides_reach_plugins_and_free_tables() -> None:
    found = resolved(
        {"active": ["alpha"], "training": {"epochs": 3}, "plugins": {"alpha": {"width": 1, "depth": 2}}},
        overrides=["alpha.width=5", "training.epochs=7", "data.dataset=village"],
    )
    assert found.tables["alpha"] == {"width": 5, "depth": 2}
    assert found.free == {"training": {"epochs": 7}, "data": {"dataset": "village"}}


def test_overrides_leave_the_document_alone() -> None:
    document = {"active": ["alpha"], "plugins": {"alpha": {"width": 1}}}
    resolved(document, overrides=["alpha.width=5"])
    assert document == {"active": ["alpha"], "plugins": {"alpha": {"width": 1}}}


def test_the_document_gives_the_same_result_again() -> None:
    first = resolved(
        {"active": ["alpha"], "training": {"epochs": 3}, "plugins": {"alpha": {"width": 1, "group": "g"}}},
        enable=["beta"],
        overrides=["beta.width=2"],
    )
    again = resolved(first.document())
    assert (again.active, again.tables, again.options, again.free) == (
        first.active,
        first.tables,
        first.options,
        first.free,
    )
    assert again.complaints == ()


def test_the_given_file_comes_first_then_the_working_directory_then_the_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = find_plugins_toml(None)
    assert shipped.is_file()
    assert shipped.is_absolute()
    (tmp_path / "plugins.toml").write_text("active = []\n")
    assert find_plugins_toml(None) == Path("plugins.toml")
    other = tmp_path / "other.toml"
    other.write_text("active = []\n")
    assert find_plugins_toml(other) == other
    with pytest.raises(SettingsError, match=r"no such file: .*missing\.toml"):
        find_plugins_toml(tmp_path / "missing.toml")


@pytest.mark.parametrize("content", [b"active = [\n", b"active = ['\xff']\n"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "plugins.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"plugins\.toml is not TOML: "):
        parse_file(path)


def test_the_shipped_file_names_installed_plugins_only() -> None:
    path = Path(plugins_toml.__file__).parents[2] / "plugins.toml"
    if not path.is_file():
        pytest.skip("not a checkout")
    assert resolve(parse_file(path), str(path), installed_plugins()).complaints == ()


def test_tables_of_groups_are_checked_and_kept() -> None:
    document = {"active": ["village"], "groups": {"backbone": {"learning_rate": 1e-3, "ema": 0.99}}}
    found = resolve(document, "plugins.toml", ["village"])
    assert not found.complaints
    assert found.groups == document["groups"]
    assert found.document()["groups"] == document["groups"]
    wrong = resolve(
        {"active": ["village"], "groups": {"a": {"emma": 1, "ema": 2.0}, "b": 3}}, "plugins.toml", ["village"]
    )
    assert len(wrong.complaints) == 3
    assert any("[groups.a] has no key 'emma'" in complaint for complaint in wrong.complaints)
