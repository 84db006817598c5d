"""Help for a person in crisis, whatever a model says: whose numbers, and the signs that plugins add."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from redheart_core.contract.errors import DataError
from redheart_core.safety.help import help_for
from redheart_core.safety.helplines import check_country
from redheart_core.safety.signs import search_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from redheart_core import SignSpec
    from redheart_core.data.encoding import TextEncoder
    from redheart_core.data.identity import EncoderIdentity
    from redheart_core.safety.help import Help
    from redheart_core.safety.signs import Searched


@attrs.frozen
class Safety:
    """What is looked for in every text before it is analyzed."""

    country: str = ""
    """Whose numbers are given; "" for the country where the text's language is mostly spoken."""
    added: tuple[SignSpec, ...] = ()
    """Signs of installed packages, beside core's."""

    def help_for(self, text: object) -> Help | None:
        """Help for the person who wrote a text; None if its words have no sign of a crisis, or it is no text."""
        return self.read(text).by_words()

    def read(self, text: object) -> ReadForHelp:
        """Look for signs once, for help before an analysis and, with the vectors that it computes, behind it."""
        return ReadForHelp(self, search_text(text if isinstance(text, str) else "", self.added))


class CrisisError(DataError):
    """A text of which nothing is kept or compared, as it has a sign of a crisis."""

    def __init__(self, where: str, found: Help) -> None:
        super().__init__(
            f"{where}: it has a sign of a crisis, so nothing of it is kept or compared; redheart analyze says who can "
            "help"
        )
        self.where, self.help = where, found

    def __reduce__(self) -> tuple[type[CrisisError], tuple[str, Help]]:
        return CrisisError, (self.where, self.help)


@attrs.frozen
class ReadForHelp:
    """A text in which signs were looked for."""

    safety: Safety
    searched: Searched

    def by_words(self) -> Help | None:
        """Help for the person who wrote it, by its words alone."""
        return self._by_words

    def by_any(self, vectors: NDArray[np.float32], encoder: TextEncoder | EncoderIdentity) -> Help | None:
        """The same by its words, or by all voters together: for what is kept, either is enough."""
        return self.by_words() or self.by_vectors(vectors, encoder)

    def by_vectors(self, vectors: NDArray[np.float32], encoder: TextEncoder | EncoderIdentity) -> Help | None:
        """The same by its words and vectors together, and by the adapters where these leave a doubt in English.

        By the words alone where the second voter knows no such vectors.

        Args:
            vectors: (T, D) of its chunks, or (1, D) of the whole text.
            encoder: That made them.
        """
        from redheart_core.safety.adapted import score_sentences
        from redheart_core.safety.vectors import reads_vectors_of, score_chunks

        if not reads_vectors_of(part.revision for part in encoder.parts):
            return self._by_words
        second = self.searched.of_sentences(score_chunks(vectors), encoder.chunk_chars)
        return self._help(second, score_sentences(self.searched, second))

    @cached_property
    def _by_words(self) -> Help | None:
        return self._help(None)

    def _help(self, second: Sequence[float] | None, third: Sequence[float | None] | None = None) -> Help | None:
        found = self.searched.signs(second, third)
        return help_for(found, self.safety.country, self.safety.added) if found else None


def load_safety(country: str | None = None) -> Safety:
    """The country and the signs that installed packages add.

    Raises:
        SettingsError: The country is no code.
        PluginError: A package that adds signs is broken.
    """
    from redheart_registry.standing import added_signs

    return Safety(find_country(country), added_signs())


def find_country(country: str | None, plugins_toml: Path | None = None) -> str:
    """The country that is given, else the one under [analysis] in plugins.toml; "" if neither says any.

    Raises:
        SettingsError: It is no code of two letters, or the file cannot be read.
    """
    if country is None:
        from redheart_core.config.tables import AnalysisSettings
        from redheart_core.storage.settings import read_table
        from redheart_registry.plugins_toml import find_plugins_toml, parse_file

        path = find_plugins_toml(plugins_toml)
        table = parse_file(path).get("analysis", {})
        country = read_table(AnalysisSettings, table, f"[analysis] in {path}").country
    return check_country(country) if country else ""


def html_help(found: Help) -> str:
    """For notebooks; everything is escaped."""
    lines = "<br>".join(escape(line) for line in found.lines())
    return f'<p lang="{escape(found.language)}"><strong>{lines}</strong></p>'
