"""The models that a server answers with: loaded, verified, under a name each, exchanged in one step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from redheart.analyzing import Refused, analyze_records, in_windows
from redheart.deciding import decide_with
from redheart.dilemma import Complaint, DilemmaError
from redheart_core.contract.errors import DataError, SettingsError
from redheart_core.storage.paths import find_path
from redheart_export.opening import answering_sha256
from redheart_server.problems import ProblemError, encode

if TYPE_CHECKING:
    from redheart.memory import Memory
    from redheart.models import Model
    from redheart_core.safety.help import Help

Item = tuple[str, Mapping[str, Any]]
"""What messages call a record, and the record."""
Hashes = tuple[str, str | None]
"""SHA-256 of a model, and of the model of preferences beside it."""


@attrs.frozen
class Said:
    """The JSON of one answer, or why there is none."""

    body: bytes
    refused: str | None = None
    complaints: tuple[Complaint, ...] = ()
    """What is wrong in which place of the question, where that is known."""
    sha256: str = ""
    """Of the model that answered."""
    help: Help | None = None
    """Where nothing is kept for a sign of a crisis."""

    def problem(self) -> ProblemError:
        """Of what is refused."""
        assert self.refused is not None
        if not self.complaints:
            return ProblemError(422, self.refused, found=self.help)
        return ProblemError(422, self.refused, errors=[attrs.asdict(one) for one in self.complaints])


def model_headers(name: str, said: Said) -> dict[str, str]:
    """Which model an answer is by."""
    return {"x-redheart-model": name, "x-redheart-model-sha256": said.sha256}


@attrs.frozen(eq=False)
class Served:
    """One model under a name, with the model of preferences beside it."""

    name: str
    model: Model
    preferences: Model | None
    loaded: str
    """When, in UTC."""
    hashes: Hashes

    @property
    def title(self) -> str:
        """Of the model; of a folder its name, since the rest of its path is nobody's business."""
        title = self.model.title
        return Path(title).name if Path(title).is_absolute() else title


@attrs.frozen
class OfModel(ABC):
    """What a model answers; every process that has the model can, so that items, settings and results are pickled."""

    served: Served

    @property
    def settings(self) -> dict[str, Any]:
        """All but the model."""
        return attrs.asdict(self, recurse=False, filter=attrs.filters.exclude("served"))

    @abstractmethod
    def __call__(self, items: Sequence[Any]) -> list[Any]:
        """A result for each item."""


@attrs.frozen
class Analyzing(OfModel):
    """What the library says of each record, in its own JSON."""

    def __call__(self, items: Sequence[Item]) -> list[Said]:
        found: list[Said] = []
        for window in in_windows(items):
            for one in analyze_records(self.served.model, list(window)):
                refused = str(one.error) if isinstance(one, Refused) else None
                found.append(Said(encode(one.to_json()), refused, sha256=self.served.hashes[0]))
        return found


@attrs.frozen
class Deciding(OfModel):
    """What the library says of each dilemma, in its own JSON."""

    def __call__(self, items: Sequence[Mapping[str, Any]]) -> list[Said]:
        return [self._decided(item) for item in items]

    def _decided(self, given: Mapping[str, Any]) -> Said:
        try:
            found = decide_with(self.served.model, self.served.preferences, given)
        except DataError as error:
            return undecided(error)
        return Said(encode(found.to_json()), sha256=self.served.hashes[0])


def undecided(error: DataError) -> Said:
    """Why a dilemma is not decided, with the places if they are known."""
    return Said(b"", str(error), error.complaints if isinstance(error, DilemmaError) else ())


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


@attrs.frozen
class Source:
    """What is loaded, by this process and by those beside it."""

    wanted: tuple[Wanted, ...]
    """In their order."""
    device: str = "cpu"
    country: str | None = None
    """Whose helplines a person in crisis is given; None for that of plugins.toml."""
    compares: bool = False
    """Whether the installed model of preferences is loaded too, which decisions ask."""

    def load(self) -> Models:
        """The models, without a memory, which the first process alone uses."""
        return Models(self)

    def followed(self) -> Source:
        """The same with the folders that links lead to now, so that all files and all processes are of one model."""
        return attrs.evolve(self, wanted=tuple(attrs.evolve(one, where=_followed(one.where)) for one in self.wanted))


def _followed(where: str | None) -> str | None:
    if where is None or not find_path(where).exists():
        return where
    return str(find_path(where).resolve())


@attrs.frozen(eq=False)
class Loaded:
    """What was loaded together."""

    source: Source
    """Where it is; no link that may lead elsewhere in a moment."""
    served: Mapping[str, Served]

    @property
    def hashes(self) -> dict[str, Hashes]:
        """By name."""
        return {name: one.hashes for name, one in self.served.items()}


class Models:
    """All of them; the first one answers where a request names none.

    Args:
        source: What is loaded.
        memory: Where cases are kept; None for nowhere.
        keep_text: Whether the memory keeps texts.
    """

    def __init__(self, source: Source, *, memory: str | None = None, keep_text: bool = False) -> None:
        self._source, self._where, self.keep_text = source, memory, keep_text
        self.loaded = self._load()
        self._memory = self._open(self.loaded)

    @property
    def current(self) -> Mapping[str, Served]:
        """By name."""
        return self.loaded.served

    @property
    def remembers(self) -> bool:
        """Whether there is a memory."""
        return self._memory is not None

    @property
    def memory(self) -> Memory:
        """The memory, for the thread that computes alone."""
        assert self._memory is not None
        return self._memory

    def reload(self) -> None:
        """Load all anew and put them in place together; requests that are under way keep the old ones.

        Raises:
            RedheartError: One cannot be loaded; the old ones stay.
        """
        old = self._memory
        loaded = self._load()
        opened = self._open(loaded)
        self.loaded, self._memory = loaded, opened
        if old is not None:
            old.close()

    def _open(self, loaded: Loaded) -> Memory | None:
        import redheart

        if self._where is None:
            return None
        first = next(iter(loaded.served.values()))
        return redheart.memory.open(self._where, first.model)

    def _load(self) -> Loaded:
        from redheart_registry.models import default_preferences

        source, now = self._source.followed(), datetime.now(UTC).isoformat(timespec="seconds")
        preferences = default_preferences() if source.compares else None
        compares = None if preferences is None else _load(source, preferences.name)
        beside = None if compares is None else answering_sha256(compares.folder)
        served = {}
        for one in source.wanted:
            model = _load(source, one.where)
            served[one.name] = Served(one.name, model, compares, now, (answering_sha256(model.folder), beside))
        return Loaded(source, served)


def _load(source: Source, where: str | None) -> Model:
    import redheart

    return redheart.load(where, device=source.device, country=source.country)
