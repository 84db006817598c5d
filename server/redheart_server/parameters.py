"""Query parameters that a route does not have are refused: a misspelt one would otherwise be ignored."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from redheart_server.problems import refuse_fields


def known_parameters(request: Request) -> None:
    """Every parameter of the query is one of the route.

    Raises:
        ProblemError: 422; some are not, each named.
    """
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    known = sorted(set(_names(route.dependant)))
    expected = f"the parameters here are {', '.join(known)}" if known else "there are no parameters here"
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
    if unknown:
        raise refuse_fields([{"loc": (name,), "msg": f"not known; {expected}"} for name in unknown])


def _names(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _names(inner)
