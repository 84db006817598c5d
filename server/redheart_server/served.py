"""The models that a server answers with: loaded, verified, under a name each, exchanged in one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from redheart.analyzing import Refused, analyze_records, in_windows
from redheart_core.contract.errors import SettingsError
from redheart_server.problems import encode

if TYPE_CHECKING:
    from redheart.models import Model

Item = tuple[str, Mapping[str, Any]]
"""What messages call a record, and the record."""


@attrs.frozen
class Analyzed:
    """The JSON of one analysis, or why there is none."""

    body: bytes
    refused: Refused | None = None


@attrs.frozen
class Served:
    """One model under a name."""

    name: str
    model: Model

    def analyze(self, items: Sequence[Item]) -> list[Analyzed]:
        """What the library says of each record, in its own JSON."""
        found: list[Analyzed] = []
        for window in in_windows(items):
            for one in analyze_records(self.model, list(window)):
                found.append(Analyzed(encode(one.to_json()), one if isinstance(one, Refused) else None))
        return found

    def described(self) -> dict[str, Any]:
        """For /v1/models."""
        assembled = self.model.assembled
        return {
            "name": self.name,
            "title": self.model.title if not Path(self.model.title).is_absolute() else Path(self.model.title).name,
            "answers": {
                field: sorted({code for one in sources for code in one.languages})
                for field, sources in sorted(assembled.manifest.answers.items())
            },
            "reads": list(self.model.read_fields),
            "calibrated": assembled.calibration is not None,
            "missing": dict(self.model.missing),
            "absent": dict(self.model.absent),
        }


@attrs.frozen
class Wanted:
    """A model as the command line names it."""

    name: str
    where: str | None
    """A folder or an installed model; None for the installed one."""


def wanted(given: Sequence[str]) -> tuple[Wanted, ...]:
    """Models from MODEL or NAME=MODEL.

    Raises:
        SettingsError: Two have the same name.
        PluginError: None is named, and none is installed or several are.
    """
    found = [_named(one) for one in given] or [Wanted(_installed(), None)]
    names = [one.name for one in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingsError(f"two models are called {', '.join(twice)}; name them, such as first={given[0]}")
    return tuple(found)


def _named(given: str) -> Wanted:
    name, equals, where = given.partition("=")
    if equals and name and "/" not in name:
        return Wanted(name, where)
    return Wanted(Path(given).name or given, given)


def _installed() -> str:
    from redheart_registry.models import default_model

    return default_model().name


class Models:
    """All of them; the first one answers where a request names none."""

    def __init__(self, wanted: Sequence[Wanted], device: str, country: str | None) -> None:
        self._wanted, self._device, self._country = tuple(wanted), device, country
        self.current = self._load()

    def reload(self) -> None:
        """Load all anew and put them in place together; requests that are under way keep the old ones.

        Raises:
            RedheartError: One cannot be loaded; the old ones stay.
        """
        self.current = self._load()

    def _load(self) -> Mapping[str, Served]:
        import redheart

        loaded = [
            Served(one.name, redheart.load(one.where, device=self._device, country=self._country))
            for one in self._wanted
        ]
        return {one.name: one for one in loaded}
