"""Listing plugins without importing them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from redheart_core import SettingsError
from redheart_core.discovery.entries import Entry, installed_entries
from redheart_registry import Inspection, Offer, inspect_entries, installed, installed_plugins
from redheart_registry.installed import listed_entries
from redheart_registry.report import PluginRow, list_plugins

Install = Callable[..., None]

EVENTS = """
import pathlib
with pathlib.Path(__file__).with_suffix(".imports").open("a") as file:
    file.write("x")
print("noise on stdout")
from redheart_core import hookimpl
@hookimpl
def redheart_after_run(event): pass
"""
NODE = """
import attrs
from redheart_core import NodeSpec, Output, hookimpl
@attrs.frozen
class Settings: pass
@hookimpl
def redheart_provide_analyzers():
    return [NodeSpec(name="{name}", meaning="a node", settings=Settings, reads=("embedding",), build=None,
        group="{group}", scales=dict.fromkeys(("tiny", "small", "base", "full"), {{}}),
        gives=(Output("value", "", "values"),))]
"""

FAMILY = """
import attrs
from redheart_core import CalculatorInput, CalculatorSpec, NodeSpec, Output, hookimpl
@attrs.frozen
class Settings: pass
def node(name, gives=(Output("value", "a number", "values"),)):
    return NodeSpec(name=name, meaning="a node", settings=Settings, reads=("embedding",), build="listed_family:build",
        scales=dict.fromkeys(("tiny", "small", "base", "full"), {}), gives=gives)
@hookimpl
def redheart_provide_analyzers():
    return [node("first"), node("second")]
@hookimpl
def redheart_provide_calculators():
    given = (CalculatorInput("x", "numbers", "(N,)"),)
    return [CalculatorSpec("family_numbers", "sums", Settings, given, "listed_family:compute", {"x": [1]})]
@hookimpl
def redheart_after_run(event): pass
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a plugin of one module, as pip would leave it; the cache is the test's own."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def install_one(name: str, source: str, distribution: str = "") -> None:
        distribution = distribution or f"listed-{name}"
        (site / f"listed_{name}.py").write_text(source)
        info = site / f"{distribution.replace('-', '_')}-1.5.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.5\n")
        (info / "entry_points.txt").write_text(f"[redheart]\n{name} = listed_{name}\n")

    return install_one


def inspect(*names: str, timeout_s: float = 60.0) -> dict[str, Inspection]:
    found = inspect_entries([entry for entry in installed_entries() if entry.name in names], timeout_s)
    return {entry.name: inspection for entry, inspection in found.items()}


def node_of(name: str, group: str) -> Inspection:
    return Inspection((Offer(name, "analyzer", "a node", group, ("embedding",), ()),))


LISTENER = Inspection((Offer("alpha", "events", "event hooks"),))


def imports(tmp_path: Path, name: str) -> int:
    return len((tmp_path / "site" / f"listed_{name}.imports").read_text())


def test_kind_and_group_are_found_without_importing_here(install: Install) -> None:
    install("alpha", NODE.format(name="alpha", group="shared"))
    install("beta", EVENTS)
    assert inspect("alpha", "beta") == {
        "alpha": node_of("alpha", "shared"),
        "beta": Inspection((Offer("beta", "events", "event hooks"),)),
    }
    assert "listed_alpha" not in sys.modules
    assert "listed_beta" not in sys.modules


def test_a_plugin_is_imported_once_until_its_files_change(install: Install, tmp_path: Path) -> None:
    install("alpha", EVENTS)
    inspect("alpha")
    assert inspect("alpha") == {"alpha": LISTENER}
    assert imports(tmp_path, "alpha") == 1
    install("alpha", EVENTS + "\n")
    inspect("alpha")
    assert imports(tmp_path, "alpha") == 2


def test_a_broken_plugin_is_inspected_every_time_so_that_a_repair_shows(install: Install, tmp_path: Path) -> None:
    install("alpha", EVENTS + "import listed_dependency\n")
    assert "No module named 'listed_dependency'" in inspect("alpha")["alpha"].broken
    (tmp_path / "site" / "listed_dependency.py").write_text("")
    assert inspect("alpha") == {"alpha": LISTENER}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import os; os._exit(3)", "it ended Python with exit code 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "it ended Python with SIGSEGV"),
        ("import sys; sys.exit('leaving')", "SystemExit: leaving"),
        ("raise RuntimeError('no luck')", "RuntimeError: no luck"),
    ],
)
def test_a_plugin_that_takes_python_down_is_broken_and_hides_no_other(
    install: Install, source: str, reason: str
) -> None:
    for name in ("alpha", "gamma"):
        install(name, NODE.format(name=name, group=name))
    install("beta", source)
    found = inspect("alpha", "beta", "gamma")
    assert reason in found["beta"].broken
    assert "plugin 'beta' (listed-beta 1.5" in found["beta"].broken
    assert (found["alpha"], found["gamma"]) == (node_of("alpha", "alpha"), node_of("gamma", "gamma"))


@pytest.mark.slow
def test_a_plugin_that_hangs_is_broken_and_hides_no_other(install: Install) -> None:
    install("alpha", "import time; time.sleep(600)")
    install("beta", NODE.format(name="beta", group="beta"))
    found = inspect("alpha", "beta", timeout_s=2.0)
    assert "it did not finish within 2 s" in found["alpha"].broken
    assert found["beta"] == node_of("beta", "beta")


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "half": lambda data: data[: len(data) // 2],
    "another name": lambda data: data.replace(b"alpha", b"alphb"),
    "a flipped bit": lambda data: data[:-20] + bytes([data[-20] ^ 1]) + data[-19:],
}
"""What the seal of a cache notices."""


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_cache_is_made_anew(install: Install, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    install("alpha", EVENTS)
    inspect("alpha")
    (cache,) = tmp_path.joinpath("cache").rglob("plugins-*.cache")
    cache.write_bytes(damage(cache.read_bytes()))
    assert inspect("alpha") == {"alpha": LISTENER}
    assert imports(tmp_path, "alpha") == 2
    inspect("alpha")
    assert imports(tmp_path, "alpha") == 2


def test_a_cache_that_cannot_be_written_only_costs_time(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "below"))
    install("alpha", EVENTS)
    for times in (1, 2):
        assert inspect("alpha") == {"alpha": LISTENER}
        assert imports(tmp_path, "alpha") == times


def test_a_change_of_site_packages_makes_the_cache_stale(install: Install, tmp_path: Path) -> None:
    install("alpha", EVENTS)
    packages = tmp_path / "site-packages"
    packages.mkdir()
    sys.path.append(str(packages))
    try:
        inspect("alpha")
        inspect("alpha")
        assert imports(tmp_path, "alpha") == 1
        os.utime(packages, ns=(1, 1))
        inspect("alpha")
        assert imports(tmp_path, "alpha") == 2
    finally:
        sys.path.remove(str(packages))


def test_two_packages_that_offer_a_name_are_both_named(install: Install) -> None:
    install("alpha", NODE.format(name="shared", group="own"), "first-owner")
    install("beta", NODE.format(name="shared", group="own"), "second-owner")
    broken = installed_plugins()["shared"].broken
    assert "first-owner 1.5 (module listed_alpha), second-owner 1.5 (module listed_beta); uninstall" in broken


def test_a_package_offers_many_plugins_of_mixed_kinds_and_listens_beside(install: Install, tmp_path: Path) -> None:
    install("family", FAMILY)
    found = rows(tmp_path, 'active = ["second"]\n[plugins.second]\ngroup = "mine"\n', enable=["family_numbers"])
    family = {name: row for name, row in found.items() if row.distribution == "listed-family"}
    assert {name: (row.kind, row.active, row.group) for name, row in family.items()} == {
        "second": ("analyzer", True, "mine"),
        "family_numbers": ("calculator", True, ""),
        "first": ("analyzer", False, "first"),
    }
    assert "listed_family" not in sys.modules


def test_one_broken_plugin_of_a_package_leaves_the_others_usable(install: Install, tmp_path: Path) -> None:
    install("family", FAMILY.replace('node("second")', 'node("second", gives=())'))
    found = rows(tmp_path, 'active = ["first"]\n')
    assert "plugin 'second' (listed-family 1.5, module listed_family) declares no output" in found["second"].broken
    assert (found["first"].broken, found["first"].kind, found["second"].kind) == ("", "analyzer", "")


def test_a_missing_plugin_is_explained_by_the_packages_that_cannot_be_imported(
    install: Install, tmp_path: Path
) -> None:
    install("family", FAMILY + "\nimport no_such_module\n")
    with pytest.raises(SettingsError) as caught:
        rows(tmp_path, 'active = ["first"]\n')
    assert "active lists 'first', which is not installed" in str(caught.value)
    assert "plugin 'family' (listed-family 1.5, module listed_family) cannot be imported" in str(caught.value)


def rows(tmp_path: Path, text: str, **options: list[str]) -> dict[str, PluginRow]:
    path = tmp_path / "plugins.toml"
    path.write_text(text)
    return {row.name: row for row in list_plugins(path, **options)}


def test_the_list_says_what_is_active_and_why(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("alpha", "beta", "gamma", "delta"):
        install(name, NODE.format(name=name, group="own"))
    found = rows(
        tmp_path,
        'active = ["beta", "alpha"]\n[plugins.beta]\ngroup = "mine"\n',
        enable=["gamma"],
        disable=["alpha"],
    )
    where = tmp_path / "plugins.toml"
    assert list(found)[:2] == ["beta", "gamma"]
    assert found["beta"] == PluginRow(
        name="beta",
        kind="analyzer",
        meaning="a node",
        group="mine",
        active=True,
        why=f"listed in {where}",
        adds_nothing="",
        version="1.5",
        distribution="listed-beta",
        broken="",
    )
    assert (found["gamma"].active, found["gamma"].why) == (True, "--enable")
    assert (found["alpha"].active, found["alpha"].why) == (False, "--disable")
    assert (found["delta"].active, found["delta"].why) == (False, f"not listed in {where}")
    assert found["delta"].group == "own"


def test_a_list_with_mistakes_in_the_file_tells_them_all(install: Install, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        rows(tmp_path, 'active = ["nobody"]\nsofa = 1\n', disable=["village"])
    assert len(str(caught.value).splitlines()) == 4


def settle(tmp_path: Path, seconds_ago: int = 60) -> None:
    """Date the test's folder back, as if it had been installed a while ago."""
    then = time.time_ns() - seconds_ago * 1_000_000_000
    os.utime(tmp_path / "site", ns=(then, then))


@pytest.fixture
def only_settled_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, install: Install) -> None:
    """Leave on the path what does not change while tests run."""
    packages = Path(attrs.__file__).parents[1]
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), str(packages)])


@pytest.mark.usefixtures("only_settled_folders")
def test_listing_reads_the_metadata_once_and_again_when_something_is_installed(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans: list[int] = []

    def scan() -> tuple[Entry, ...]:
        scans.append(1)
        return installed_entries()

    monkeypatch.setattr(installed, "installed_entries", scan)
    monkeypatch.setattr(installed, "_SETTLED_NS", 0)
    install("alpha", EVENTS)
    assert listed_entries() == installed_entries()
    assert listed_entries() == installed_entries()
    assert len(scans) == 1
    install("beta", EVENTS)
    settle(tmp_path)
    assert {"alpha", "beta"} <= {entry.name for entry in listed_entries()}
    assert len(scans) == 2
    install("alpha", EVENTS, "second-owner")
    assert [entry.distribution for entry in listed_entries() if entry.name == "alpha"] == [
        "listed-alpha",
        "second-owner",
    ]


@pytest.mark.usefixtures("only_settled_folders")
def test_a_folder_that_has_just_changed_is_not_trusted(install: Install, tmp_path: Path) -> None:
    install("alpha", EVENTS)
    listed_entries()
    assert not list(tmp_path.joinpath("cache").rglob("entries-*.cache"))


@pytest.mark.usefixtures("only_settled_folders")
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_list_of_entries_is_made_anew(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr(installed, "_SETTLED_NS", 0)
    install("alpha", EVENTS)
    listed_entries()
    (cache,) = tmp_path.joinpath("cache").rglob("entries-*.cache")
    cache.write_bytes(damage(cache.read_bytes()))
    assert listed_entries() == installed_entries()
