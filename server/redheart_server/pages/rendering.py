"""Templates to responses, with headers that let a page load what this server gives and nothing else."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from redheart_core.safety.help import country_names
from redheart_server.pages.words import LANGUAGES, words

_HERE = Path(__file__).parent
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""Content-Security-Policy of pages: no inline script, no inline style, nothing from elsewhere."""
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
"""Media types of static files; all are UTF-8."""


def render(template: str, code: str, /, **values: Any) -> HTMLResponse:
    """A page or a part of one, in the language of a code."""
    content = _environment().get_template(template).render(say=words(code), countries=country_names(code), **values)
    return HTMLResponse(content, headers={"content-security-policy": POLICY, "vary": "accept-language"})


@cache
def static_files() -> dict[str, tuple[bytes, str]]:
    """Name to content and media type of all that pages load."""
    return {
        path.name: (path.read_bytes(), KINDS[path.suffix])
        for path in sorted((_HERE / "static").iterdir())
        if path.suffix in KINDS
    }


def static_response(name: str) -> Response | None:
    """A static file; None if there is none of that name."""
    found = static_files().get(name)
    return None if found is None else Response(found[0], media_type=f"{found[1]}; charset=utf-8")


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    found.globals["stamp"] = hashlib.sha256(b"".join(content for content, _ in static_files().values())).hexdigest()[
        :12
    ]
    found.globals["names"] = {code: words(code)("name") for code in LANGUAGES}
    return found
