"""Write the package of a new plugin from the templates."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from redheart_core import PluginError
from redheart_core.discovery.entries import name_complaint
from redheart_core.storage.files import writing
from redheart_core.storage.new_folder import new_folder
from redheart_registry.installed import installed_plugins

_SUFFIX = ".jinja"


def write_plugin(name: str, folder: Path) -> Path:
    """Make folder/name with a complete package; it is there as a whole or not at all.

    Args:
        name: Plugin name; the package is called redheart_<name>, the distribution redheart-<name>.
        folder: Where to put it; made if missing.

    Returns:
        The folder of the package.

    Raises:
        PluginError: The name cannot be used or is taken, or the folder exists.
        FileError: The folder cannot be written.
    """
    complaint = name_complaint(name)
    if complaint:
        raise PluginError(complaint)
    installed = installed_plugins()
    if name in installed:
        taken = f"{installed[name].entry.distribution} {installed[name].entry.version}"
        raise PluginError(f"there is a plugin '{name}' already, from {taken}; choose another name")
    package = f"redheart_{name}"
    if find_spec(package) is not None:
        raise PluginError(f"there is a package '{package}' already; choose another name")
    target = folder / name
    if target.exists():
        raise PluginError(f"{target} exists already; choose another name or --folder")
    texts = _render(name, package)
    with writing(target), new_folder(target) as building:
        for path, text in texts.items():
            (building / path).parent.mkdir(parents=True, exist_ok=True)
            (building / path).write_text(text, encoding="utf-8")
    return target


def _render(name: str, package: str) -> dict[Path, str]:
    """Relative path to text of every file; "NAME" in a template's path stands for the plugin's name."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder), undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    values = {
        "name": name,
        "package": package,
        "distribution": package.replace("_", "-"),
        "class_name": "".join(part.capitalize() for part in name.split("_")),
        "core_version": version("redheart"),
    }
    texts = {}
    for template in environment.list_templates():
        path = Path(template.removesuffix(_SUFFIX).replace("NAME", name))
        texts[path] = environment.get_template(template).render(values)
    return texts
