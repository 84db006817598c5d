"""Settings that a search has found, as files for --plugins and --groups."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from redheart.options import RunOptions
from redheart.sessions import Session

Tables = Mapping[str, Mapping[str, Mapping[str, Any]]]


def write_plugins_toml(
    session: Session,
    found: Tables,
    folder: Path,
    prefix: str,
    without: Collection[str] = (),
    options: RunOptions = RunOptions(),  # noqa: B008 - frozen
) -> dict[str, Path]:
    """Write PREFIXplugins.toml, all that the session was begun with and what was found, and PREFIXgroups.toml.

    The second one is written only if settings of groups alone were found and nothing is left out: otherwise it would be
    a mixture that nobody tried.

    Args:
        session: Whose plugins and settings the files start from.
        found: Tables "groups" and "plugins".
        folder: Of the files.
        prefix: Of their names.
        without: Plugins to leave out.
        options: Those of the run, which go into [data] and [training].

    Returns:
        Option to file.
    """
    import tomli_w

    from redheart_core.config.tables import GroupSettings
    from redheart_core.storage.files import write_bytes
    from redheart_core.storage.settings import as_table

    document, plain = session.registry.plugins_toml.document(), as_table(GroupSettings())
    given = {
        group.name: {key: value for key, value in as_table(group.settings).items() if plain.get(key) != value}
        for group in session.context.groups
        if not {node.name for node in group.nodes} <= set(without)
    }
    groups = {name: table for name, table in _merge(given, found.get("groups", {})).items() if table}
    plugins = {
        name: table
        for name, table in _merge(document["plugins"], found.get("plugins", {})).items()
        if name not in without
    }
    document |= {
        "active": [name for name in document["active"] if name not in without],
        "plugins": plugins,
        "groups": groups,
    }
    for table, values in (("data", options.data), ("training", options.training)):
        more = {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
        document[table] = {
            **document.get(table, {}),
            **{key: value for key, value in more.items() if value is not None},
        }
    files = {"plugins": folder / f"{prefix}plugins.toml"}
    write_bytes(files["plugins"], tomli_w.dumps({key: value for key, value in document.items() if value}).encode())
    if found.get("groups") and not found.get("plugins") and not without:
        files["groups"] = folder / f"{prefix}groups.toml"
        write_bytes(files["groups"], tomli_w.dumps({"groups": found["groups"]}).encode())
    return files


def _merge(tables: Mapping[str, Mapping[str, Any]], more: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: {**tables.get(name, {}), **more.get(name, {})} for name in {**tables, **more}}
