"""A node that plugins.toml uses once more under another name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from redheart.sessions import plugin_table
from redheart_core import PluginError, SettingsError
from redheart_core.contract.data import Tokenizer
from redheart_core.groups.tokenizers import choose_tokenizers
from redheart_core.runs.describe import describe_node
from redheart_core.storage.structuring import unstructure
from redheart_registry import load_registry
from redheart_registry.report import list_plugins


def document(**plugins: dict[str, Any]) -> dict[str, Any]:
    return {"active": ["linear", *plugins], "plugins": plugins}


def test_a_copy_has_its_own_settings_and_group_and_is_no_baseline() -> None:
    registry = load_registry(document(apart={"of": "linear", "half": True, "learns": ["vad"]}))
    linear, apart = registry.nodes("small")
    assert (linear.name, linear.plugin, linear.group, linear.spec.baseline) == ("linear", "linear", "linear", True)
    assert (apart.name, apart.plugin, apart.group, apart.spec.baseline) == ("apart", "linear", "apart", False)
    assert (apart.settings.half, linear.settings.half, apart.learns) == (True, False, ("vad",))


def test_a_run_or_model_knows_what_its_nodes_are_copies_of() -> None:
    nodes = load_registry(document(apart={"of": "linear", "half": True})).nodes("small")
    table = plugin_table({node.name: describe_node(node) for node in nodes})
    assert load_registry(table).nodes("small") == nodes


def test_a_run_or_model_knows_the_tokenizer_that_was_chosen_for_a_node() -> None:
    table = {"active": ["text_convolution"], "plugins": {"text_convolution": {"tokenizer": "learnt:300"}}}
    (node,) = load_registry(table).nodes("tiny")
    data = {view: Tokenizer(name, view, 300, (), (), 0) for view, name in (("tokens", "a"), ("tokens/2", "learnt:300"))}
    (chosen,) = choose_tokenizers([node], data)
    assert (node.tokenizer, chosen.tokenizer, chosen.tokens) == ("learnt:300", "tokens/2", "tokens/2")
    again = load_registry(plugin_table({chosen.name: describe_node(chosen)})).nodes("tiny")
    assert choose_tokenizers(again, data) == (chosen,)
    assert "tokenizer" not in unstructure(describe_node(attrs.evolve(node, tokenizer="")))  # as it was before


def test_a_copy_may_be_active_without_its_original() -> None:
    found = load_registry({"active": ["apart"], "plugins": {"apart": {"of": "linear"}}})
    assert [node.name for node in found.nodes("small")] == ["apart"]


@pytest.mark.parametrize(
    ("name", "of", "said"),
    [
        ("apart", "nobody", r"\[plugins.apart\] of = 'nobody': 'nobody' is not installed"),
        ("Apart", "linear", r"\[plugins.Apart\] of = 'linear': a plugin's name has to be lower-case"),
        ("mean_fusion", "linear", r"\[plugins.mean_fusion\] of: 'mean_fusion' is a plugin of its own"),
    ],
)
def test_what_cannot_be_a_copy_is_refused(name: str, of: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load_registry(document(**{name: {"of": of}}))


def test_a_data_set_has_no_copies() -> None:
    with pytest.raises(PluginError, match="only nodes have copies; that is of kind dataset"):
        load_registry(document(more={"of": "village"}))


def test_the_list_of_plugins_shows_copies(tmp_path: Path) -> None:
    file = tmp_path / "plugins.toml"
    file.write_text('active = ["apart"]\n[plugins.apart]\nof = "linear"\n')
    rows = {row.name: row for row in list_plugins(file)}
    assert (rows["apart"].group, rows["apart"].active, rows["linear"].active) == ("apart", True, False)
