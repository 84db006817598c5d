"""Bodies of requests to a memory, and what each does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from redheart_core.contract.errors import DataError
from redheart_server.bodies import TEXT

if TYPE_CHECKING:
    from redheart.crisis import Safety
    from redheart.memory import Memory
    from redheart_core.memory.filters import Filter


def _config(**example: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", strict=True, json_schema_extra={"example": example})


class Add(BaseModel):
    """A case, as `redheart memory add` takes it."""

    model_config = _config(text=TEXT, labels={"votes.right": 5}, source="diary")

    text: str
    id: Annotated[str | None, Field(description="Made up if left out")] = None
    labels: Annotated[dict[str, float], Field(description='"FIELD.LABEL", or "FIELD", to its number')] = {}
    language: Annotated[str | None, Field(description="ISO 639 code; detected if left out")] = None
    source: Annotated[str | None, Field(description="Who or what it is from")] = None
    licence: Annotated[str | None, Field(description="SPDX expression")] = None

    def add_to(self, memory: Memory, keep_text: bool) -> dict[str, Any]:
        """Keep it."""
        given = self.model_dump(exclude={"text"})
        return {"id": memory.add(self.text, keep_text=keep_text, **given), "cases": len(memory)}


class _Chosen(BaseModel):
    """Conditions, all of which have to hold."""

    ids: list[str] = []
    labels: Annotated[list[str], Field(description="FIELD, FIELD.LABEL, FIELD.LABEL>=0.5 or <=0.5")] = []
    languages: list[str] = []
    sources: list[str] = []
    since: Annotated[str | None, Field(description="Day or time in UTC; not older")] = None
    before: Annotated[str | None, Field(description="Day or time in UTC; older")] = None

    def chosen(self) -> Filter:
        """The conditions as the library takes them."""
        from redheart.memory import choose

        return choose(**{name: getattr(self, name) for name in _Chosen.model_fields})


class Search(_Chosen):
    """A text to find cases for."""

    model_config = _config(text=TEXT, k=3)

    text: str
    k: Annotated[int, Field(ge=1, le=1000, description="At most so many cases")] = 5
    exact: Annotated[bool, Field(description="Compare with every case")] = False

    def search_in(self, memory: Memory, safety: Safety) -> dict[str, Any]:
        """What `redheart memory search --json` gives."""
        from redheart.memory import Searched

        if len(memory):
            found = memory.search(self.text, self.k, self.chosen(), exact=self.exact, safety=safety)
        else:
            found = Searched(safety.help_for(self.text), [])
        return {
            "help": None if found.help is None else found.help.to_json(),
            "cases": [one.to_json() for one in found.cases],
        }


class Delete(_Chosen):
    """Cases to delete: conditions, or all."""

    model_config = _config(ids=["4f1c"])

    all: Annotated[bool, Field(description="Has to be true where there is no condition")] = False

    def delete_from(self, memory: Memory) -> dict[str, Any]:
        """Delete them."""
        chosen = self.chosen()
        if not chosen and not self.all:
            raise DataError('no case is chosen; give a condition, or "all": true')
        deleted = memory.delete(chosen, everything=self.all) if len(memory) else 0
        return {"deleted": deleted, "cases": len(memory)}
