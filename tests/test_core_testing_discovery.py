"""The kit names a plugin that cannot be loaded, whatever its module raises."""

from __future__ import annotations

from pathlib import Path

import pytest

from redheart_core import PluginError
from redheart_core.testing import check_plugin


@pytest.mark.parametrize("source", ["def broken(:", "raise RuntimeError('boom')", "import sys; sys.exit(3)"])
def test_a_folder_whose_module_fails_is_an_error_that_names_the_plugin(tmp_path: Path, source: str) -> None:
    package = f"redheart_failing{abs(len(source))}"
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text(source)
    with pytest.raises(PluginError, match=rf"plugin 'failing{len(source)}' cannot be imported: "):
        check_plugin(tmp_path)


def test_a_damaged_pyproject_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project\n")
    with pytest.raises(PluginError, match=r"pyproject\.toml is not TOML"):
        check_plugin(tmp_path)
