"""In which language a text is: a code that was stated, or what py3langid detects (Lui and Baldwin 2012).

The detector is naive Bayes over sequences of bytes. A few letters fit dozens of its 142 languages, so what is expected
counts: of the languages that a model was measured on, the likeliest one is taken unless another language, or text in no
language at all, is far likelier. The two factors were chosen on GoEmotions, EmoBank and KOTE, of whose texts fewer than
0.5 % may be taken for another language than theirs; EXPERIMENTS.md has the figures.
"""

from __future__ import annotations

import lzma
import re
from collections.abc import Collection
from functools import cache
from typing import TYPE_CHECKING, Any

import attrs

from redheart_core.contract.errors import DataError
from redheart_core.storage.npz import stored_arrays

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from py3langid.langid import LanguageIdentifier

OTHER_FACTOR = 20.0
"""An expected language is given up if another one is so many times as likely."""
NONE_FACTOR = 7.0
"""Likewise if no language is: letters in a row, numbers, code."""
SURE = 0.5
"""From this probability on a language counts as recognised."""
NO_LANGUAGE = "zxx"
"""ISO 639 code of text without linguistic content."""
UNDETERMINED = "und"
"""ISO 639 code of a text of which nobody says in which language it is."""

_CODE = re.compile("[A-Za-z]{2,3}(-[A-Za-z0-9]+)*")
_NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German",
    "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "fa": "Persian", "fi": "Finnish", "fr": "French",
    "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "it": "Italian",
    "ja": "Japanese", "ko": "Korean", "la": "Latin", "lt": "Lithuanian", "lv": "Latvian", "ms": "Malay", "nl": "Dutch",
    "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak",
    "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "ta": "Tamil", "th": "Thai", "tl": "Tagalog", "tr": "Turkish",
    "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip


@attrs.frozen
class Language:
    """The language of a text."""

    code: str | None
    """ISO 639, such as "en"; None if it cannot be told."""
    probability: float | None
    """What the detector gives the code, or its likeliest language if there is none; None for a code that was stated."""

    @property
    def stated(self) -> bool:
        """Whether somebody said so."""
        return self.probability is None

    @property
    def sure(self) -> bool:
        """Whether it was stated or is recognised."""
        return self.code is not None and (self.probability is None or self.probability >= SURE)

    def __str__(self) -> str:
        """For people: "English", "taken for English", "not recognised"."""
        if self.code is None:
            return "not recognised"
        return language_name(self.code) if self.sure else f"taken for {language_name(self.code)}"


def language_name(code: str) -> str:
    """The English name of a language; the code itself of one that has none here."""
    return _NAMES.get(code, f"'{code}'")


def primary(code: str) -> str:
    """The language of a BCP 47 code, without region and script: "en" of "en-US"."""
    return code.partition("-")[0].lower()


def language_number(code: str | None) -> int:
    """A number that stands for the language of a BCP 47 code in tensors; 0 for a text of which nobody says it."""
    return int.from_bytes(primary(code).encode(), "big") if code else 0


def stated(code: object, where: str) -> Language:
    """The language that somebody states.

    Raises:
        DataError: This is no code of a language.
    """
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise DataError(f"{where}: the language has to be a code such as en or ko, got {code!r:.60}")
    return Language(primary(code), None)


def detect(text: str, expected: Collection[str] = ()) -> Language:
    """The language of a text; equal texts give equal answers.

    Args:
        text: One with a letter.
        expected: Codes of the languages that the text is likely to be in, such as those of a model.
    """
    ranking: dict[str, float] = dict(_identifier().rank(text))
    nothing = ranking.pop(NO_LANGUAGE)
    best = max(ranking, key=ranking.__getitem__)
    likeliest = max((code for code in sorted(expected) if code in ranking), key=ranking.__getitem__, default=best)
    probability = ranking[likeliest]
    if probability * OTHER_FACTOR >= ranking[best] and probability * NONE_FACTOR >= nothing and likeliest in expected:
        return Language(likeliest, probability)
    return Language(best if ranking[best] >= SURE else None, ranking[best])


def load_detector() -> None:
    """Load what detect needs, which takes a third of a second; later calls do nothing."""
    _identifier()


@cache
def _identifier() -> LanguageIdentifier:
    """The library's own, whose file is unpacked at once: Python does other things meanwhile, which it cannot where the
    library unpacks it piece by piece. Its tables stay where they were unpacked."""
    from py3langid.langid import MODEL_DIR, MODEL_FILE, LanguageIdentifier

    found = stored_arrays(lzma.decompress((MODEL_DIR / MODEL_FILE).read_bytes()))
    return LanguageIdentifier(
        found["ptc"],
        found["pc"],
        found["classes"].tolist(),
        _numbers(found["nextmove"]),
        found["out_feat"].tolist(),
        norm_probs=True,
        tk_row=_numbers(found["nextmove_row"]),
    )


def _numbers(table: NDArray[Any]) -> memoryview:
    """Whole numbers, which the library takes one by one."""
    return table.view("u1").data.cast("H" if table.itemsize == 2 else "I")
