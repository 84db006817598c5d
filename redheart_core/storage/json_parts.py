"""Values out of parsed JSON, with errors that name the file and the place in it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NoReturn

import attrs

from redheart_core.contract.errors import CheckpointError, RedheartError
from redheart_core.storage.files import read_json


@attrs.frozen
class Part:
    """A value inside a JSON file."""

    value: object
    where: str
    """File and keys that lead to the value."""
    error: type[RedheartError]
    """What to raise if the value is not what it has to be."""

    @classmethod
    def read(cls, file: Path, error: type[RedheartError] = CheckpointError) -> Part:
        """The whole of a file.

        Raises:
            RedheartError: Of the class error: the file is missing or is not JSON.
        """
        return cls(read_json(file, error), str(file), error)

    def __getitem__(self, key: str) -> Part:
        entries = self.entries()
        if key not in entries:
            raise self.error(f"{self.where} is damaged: it lacks '{key}'; restore it from a copy or make it anew")
        return entries[key]

    def entries(self) -> dict[str, Part]:
        """An object's members."""
        if not isinstance(self.value, dict):
            self._refuse("an object")
        return {key: Part(value, f"{self.where}: {key}", self.error) for key, value in self.value.items()}

    def items(self) -> list[Part]:
        """A list's members."""
        if not isinstance(self.value, list):
            self._refuse("a list")
        return [Part(value, f"{self.where}[{index}]", self.error) for index, value in enumerate(self.value)]

    def text(self) -> str:
        if not isinstance(self.value, str):
            self._refuse("text")
        return self.value

    def integer(self) -> int:
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            self._refuse("an integer")
        return self.value

    def number(self) -> float:
        if isinstance(self.value, bool) or not isinstance(self.value, int | float) or not math.isfinite(self.value):
            self._refuse("a finite number")
        return float(self.value)

    def number_or_none(self) -> float | None:
        """A finite number, or None for null."""
        return None if self.value is None else self.number()

    def integer_or_none(self) -> int | None:
        """An integer, or None for null."""
        return None if self.value is None else self.integer()

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            self._refuse("true or false")
        return self.value

    def texts(self) -> tuple[str, ...]:
        return tuple(item.text() for item in self.items())

    def numbers(self) -> dict[str, float]:
        return {key: part.number() for key, part in self.entries().items()}

    def numbers_or_none(self) -> dict[str, float | None]:
        return {key: part.number_or_none() for key, part in self.entries().items()}

    def integers(self) -> dict[str, int]:
        return {key: part.integer() for key, part in self.entries().items()}

    def _refuse(self, expected: str) -> NoReturn:
        raise self.error(
            f"{self.where} is damaged: expects {expected}, got {type(self.value).__name__} {self.value!r:.60}; "
            "restore it from a copy or make it anew"
        )
