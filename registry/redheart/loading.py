"""From a folder, or the name of an installed model, to a model with its plugins and its encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redheart.crisis import Safety, load_safety
from redheart.finding import shipped_model
from redheart.models import Model
from redheart.sessions import open_model, plugin_table
from redheart.threads import keeping_threads, making_what_stays
from redheart_core.storage.paths import find_path
from redheart_core.storage.presence import require_model_folder

if TYPE_CHECKING:
    from redheart.decision import Decision
    from redheart_core.data.encoding import TextEncoder
    from redheart_core.models.model import Model as Assembled
    from redheart_registry import Registry


def load(model: str | Path | None = None, *, device: str = "cpu", country: str | None = None) -> Model:
    """Load an assembled model; every file is verified.

    Args:
        model: A folder that `redheart crossover` or Run.assemble made, or the name of an installed model. The installed
            model if left out; Model.title says which.
        device: Where to compute: cpu, cuda, cuda:1, ...
        country: Whose helplines a person in crisis is given, such as "KR"; by default that under [analysis] in
            plugins.toml, or the one where the text's language is mostly spoken.

    Raises:
        SettingsError: The country is no code of two letters.
        PluginError: No model is named, and none is installed or several are; or a package of signs is broken.
        CheckpointError: There is no model, a file is missing or damaged, or plugins are others than it was made with.
    """
    from redheart_registry.installed import looking_once

    with looking_once():
        return load_with(model, load_safety(country), device)


def decide(
    given: Sequence[str] | Mapping[str, Any],
    *,
    model: str | Path | None = None,
    preferences: str | Path | None = None,
    country: str | None = None,
) -> Decision:
    """Load a model and compare the acts of a dilemma; as load and Model.decide.

    Examples:
        >>> found = decide(["telling her the truth", "keeping the secret"])  # doctest: +SKIP
        >>> found.ranking.order, found.ranking.first  # doctest: +SKIP
        ((1, 0), (0.45, 0.55))
    """
    return load(model, country=country).decide(given, preferences=preferences)


def installed_preferences(safety: Safety) -> Model | None:
    """The installed model of preferences; None if there is none."""
    from redheart_registry.models import default_preferences

    found = default_preferences()
    return None if found is None else load_with(found.name, safety)


def of_assembled(assembled: Assembled) -> Model:
    """A model that was just made, with its encoder; nothing else is read again."""
    with making_what_stays(), keeping_threads():
        from redheart_registry import load_registry

        registry = load_registry(plugin_table({}, *assembled.encoder_identity.names))
        encoder = _load_encoder(registry, assembled)
    return Model(assembled.folder, assembled, encoder, str(assembled.folder), load_safety(None))


def _load_encoder(registry: Registry, assembled: Assembled) -> TextEncoder:
    from redheart_core.data.encoding import load_encoder

    specs = [registry.encoder(name)[0] for name in assembled.encoder_identity.names]
    return load_encoder(specs, assembled.folder / "encoder", assembled.encoder_identity)


def load_with(model: str | Path | None, safety: Safety, device: str = "cpu") -> Model:
    """What load does, for a caller that knows whom to call for help."""
    shipped = shipped_model(model)
    folder = find_path(model or "") if shipped is None else shipped.folder
    require_model_folder(folder)
    from redheart_registry.standing import broken_layers

    with making_what_stays(), keeping_threads(), ThreadPoolExecutor(1) as beside:
        from redheart_core.data.language import load_detector

        detector = beside.submit(load_detector)  # its file is unpacked beside Python
        registry, assembled = open_model(folder, device)
        encoder = _load_encoder(registry, assembled)
        detector.result()
    title, broken = (str(folder), ()) if shipped is None else (shipped.title, shipped.broken)
    broken = (*broken, *broken_layers().values())
    return Model(folder, assembled, encoder, title, safety, broken=broken)
