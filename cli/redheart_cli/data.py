"""redheart data: raw records to an embedding store."""

from __future__ import annotations

from pathlib import Path

import click

from redheart_cli.display import make_display
from redheart_cli.options import PluginChoice, plugin_options
from redheart_cli.output import print_json, print_table
from redheart_cli.run_options import data_options, json_option
from redheart_cli.session import data_settings, prepare_store


@click.group()
def data() -> None:
    """Prepare and inspect data."""


@data.command()
@data_options
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Folder of the store; runs/DATASET/store if not given."
)
@plugin_options
@json_option
def prepare(choice: PluginChoice, dataset: str | None, encoder: str | None, output: Path | None, as_json: bool) -> None:
    """Read a data set, split it, fit the encoder on its train part and store all embeddings.

    A prepared store is reused; one that was interrupted is finished.

    \b
    Example:
      redheart data prepare --data scenarios --set scenarios.path=data/scenarios
    """
    registry = choice.load()
    settings = data_settings(registry, dataset=dataset, encoder=encoder)
    folder = output or Path("runs") / settings.dataset / "store"
    with make_display() as display:
        store = prepare_store(registry, folder, settings, display)
    index = store.index
    if as_json:
        print_json({"store": str(folder), "index": index.to_json()})
        return
    print(f"{folder}: data set {index.dataset}, {len(store.ids)} records, encoder {index.encoder.name}")
    print_table(("split", "records"), [(name, count) for name, count in index.counts.items()])
    rows = [(field.name, ", ".join(field.labels) or "-", index.coverage[field.name]) for field in store.fields.values()]
    print_table(("field", "labels", "records"), rows)
