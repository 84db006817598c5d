"""TOML texts to tables."""

from __future__ import annotations

import tomllib
from typing import Any


def parse_toml(text: str) -> dict[str, Any]:
    """The table of a TOML text.

    Raises:
        ValueError: It is no TOML, nested too deeply, or a number has more digits than Python reads.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as error:
        raise ValueError("a number has more than 4,300 digits") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
