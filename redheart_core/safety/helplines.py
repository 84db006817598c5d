"""The table of helplines by country."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path

from redheart_core.contract.errors import SettingsError
from redheart_core.contract.signs import Helpline
from redheart_core.storage.toml_text import parse_toml

_FILE = Path(__file__).parent / "helplines.toml"
COUNTRY_OF_LANGUAGE = {"en": "US", "ko": "KR"}
"""Whose numbers are given where no country is set; those of every country where the language has none here."""


@cache
def core_helplines() -> tuple[Helpline, ...]:
    """All of them, in the order of the table; each with its source and the month in which it was known."""
    table = parse_toml(_FILE.read_text(encoding="utf-8"))
    return tuple(Helpline(**{**line, "kinds": tuple(line["kinds"])}) for line in table["helplines"])


def known_countries(helplines: Collection[Helpline]) -> tuple[str, ...]:
    """Countries with a number, sorted."""
    return tuple(sorted({line.country for line in helplines if line.country}))


def check_country(code: str) -> str:
    """The code of a country in capitals; one that has no numbers is right too.

    Raises:
        SettingsError: It is no code.
    """
    if not (len(code) == 2 and code.isascii() and code.isalpha()):
        raise SettingsError(
            f"the country has to be a code of two letters (ISO 3166), such as KR, US or GB, got {code!r:.40}"
        )
    return code.upper()


def choose(helplines: Sequence[Helpline], kinds: Sequence[str], country: str) -> tuple[Helpline, ...]:
    """Those for the kinds in a country, the most urgent kind first, each contact once; at least one.

    Args:
        helplines: Core's and what plugins add.
        kinds: The most urgent first.
        country: Code in capitals. For a kind that has no line there, those of every country are taken.
    """
    chosen: dict[str, Helpline] = {}
    for kind in kinds:
        ordered = sorted(helplines, key=lambda line: line.emergency is not (kind == "danger"))
        here = [line for line in ordered if line.country == country and kind in line.kinds]
        anywhere = [line for line in ordered if not line.country and (kind in line.kinds or not line.emergency)]
        for line in here or anywhere:
            chosen.setdefault(line.contact, line)
    return tuple(chosen.values())


def emergency_number(helplines: Sequence[Helpline], kind: str, country: str) -> str:
    """Of a country, for a kind; 112, which works from most mobile phones, where it is not known."""
    lines = [line for line in helplines if line.emergency and line.country == country]
    lines.sort(key=lambda line: kind not in line.kinds)
    return lines[0].contact if lines else "112"
