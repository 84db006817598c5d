"""Help for a person in crisis in every answer that is an error: what the person wrote is in the body of the request."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from redheart_core.safety.help import most_urgent
from redheart_core.storage.jsonlines import parse_json

if TYPE_CHECKING:
    from redheart.crisis import Safety
    from redheart_core.safety.help import Help


async def help_for_body(safety: Safety, body: bytes) -> Help | None:
    """Help for the most urgent text of a body, which may be broken."""
    return await asyncio.to_thread(_find, safety, body) if body else None


def _find(safety: Safety, body: bytes) -> Help | None:
    return most_urgent([safety.help_for(text) for text in texts_of(body)])


def texts_of(body: bytes) -> list[str]:
    """All texts of a JSON document, wherever they stand; of what is no JSON, all of it."""
    try:
        return list(_strings(parse_json(body.decode("utf-8"))))
    except (ValueError, RecursionError):
        return [body.decode("utf-8", "replace")]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _strings(one)
