"""The kit names a plugin that cannot be loaded, whatever its module raises."""

from __future__ import annotations

from pathlib import Path

import pytest

from redheart_core import PluginError
from redheart_core.testing import check_plugin, load_installed, load_named


@pytest.mark.parametrize("source", ["def broken(:", "raise RuntimeError('boom')", "import sys; sys.exit(3)"])
def test_a_folder_whose_module_fails_is_an_error_that_names_the_plugin(tmp_path: Path, source: str) -> None:
    package = f"redheart_failing{abs(len(source))}"
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text(source)
    with pytest.raises(PluginError, match=rf"plugin 'failing{len(source)}' .*{package}\) cannot be imported: "):
        check_plugin(tmp_path)


def test_a_damaged_pyproject_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project\n")
    with pytest.raises(PluginError, match=r"pyproject\.toml is not TOML"):
        check_plugin(tmp_path)


def test_the_name_of_a_package_stands_for_all_its_plugins_and_each_has_its_own() -> None:
    assert [plugin.name for plugin in load_named("tables")] == ["jsonl", "csv"]
    assert [plugin.name for plugin in load_named("csv")] == ["csv"]
    assert load_installed("csv").kind == "dataset"
    with pytest.raises(PluginError, match="'tables' is a package of several plugins; name one of them: csv, jsonl"):
        load_installed("tables")


def test_a_package_that_cannot_be_imported_is_an_error_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "aaa_broken.py").write_text("raise RuntimeError('boom')")
    info = tmp_path / "aaa_broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: aaa-broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[redheart]\naaa_broken = aaa_broken\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert load_installed("lsa").entry.name == "lsa"  # the package of that name alone is imported
    for name in ("vad_pooled", "aaa_broken"):
        with pytest.raises(PluginError, match=r"plugin 'aaa_broken' \(aaa-broken 1\.0, .*RuntimeError: boom"):
            load_installed(name)
