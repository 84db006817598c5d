"""A sentence as the rules read it: one spelling for what people write in many ways."""

from __future__ import annotations

import re
import unicodedata

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
_APOSTROPHES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'", "`": "'", "\u201c": '"', "\u201d": '"'})
_DIGITS = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s"})
_MIXED = re.compile(r"(?<![\w@$])(?=[a-z0-9@$]*[a-z])(?=[a-z0-9@$]*[0-9@$])[a-z0-9@$]{3,}(?![\w@$])")
"""A word of letters and digits, as in k1ll."""
_IN_MIXED = re.compile(r"[0-9@$]")
"""What such a word has: a text without is left alone."""
_REPEATED = re.compile(r"([a-z])\1\1+")
_SPACED = re.compile(r"(?<![\w'])(?:[a-z][ .*_-]){3,}[a-z](?![\w'])")
"""Letters with something between them, as in s u i c i d e."""
_ORDINARY = re.compile(
    r"\d+(?:am|pm|th|st|nd|rd|km|kg|cm|mm|mg|ml|h|m|k|d|s|x|yo|f|yr|yrs|min)|[a-z]\d{1,2}|[a-z]+\d{2,}"
)
"""Words with digits that are no disguise, as 10am or b12."""

_CONTRACTIONS = (
    (r"\bcan'?t\b", "can not"),
    (r"\b(could|would|should|do|does|did|is|are|was|were|has|have|had)n'?t\b", r"\1 not"),
    (r"\bcannot\b", "can not"),
    (r"\bwon'?t\b", "will not"),
    (r"\bain'?t\b", "is not"),
    (r"\bi'?m\b|\bima\b", "i am"),
    (r"\bi'?ve\b", "i have"),
    (r"\bi'd\b|\bid(?= (?:rather|like|be|kill|die|do|love|want|never|jump|end))", "i would"),
    (r"\bi'll\b", "i will"),
    (r"\b(you|we|they)'re\b|\b(you|they)re\b", lambda found: f"{found[1] or found[2]} are"),
    (r"\b(you|we|they|would|could|should|might)'?ve\b", r"\1 have"),
    (r"\b(you|we|they|he|she|it|that|there|nobody|everyone|everybody|who)'d\b", r"\1 would"),
    (r"\b(you|we|they|he|she|it|that|there|nobody|someone|who|\w+)'ll\b", r"\1 will"),
    (r"\b(he|she|it|that|there|what|who|where|here|someone|somebody|nobody|everything|life)'s\b", r"\1 is"),
    (r"\b(hes|shes)\b", lambda found: f"{found[1][:-1]} is"),
    (r"\bwanna\b", "want to"),
    (r"\bgonna\b|\bgon\b", "going to"),
    (r"\bgotta\b", "have to"),
    (r"\btryna\b", "trying to"),
    (r"\blemme\b", "let me"),
    (r"\bdunno\b", "do not know"),
    (r"\b(want|need|going|try|have) 2\b", r"\1 to"),
    (r"\bu\b", "you"),
    (r"\bur\b", "your"),
    (r"\bpls\b|\bplz\b", "please"),
    (r"\bb?cuz\b|\bbc\b|\bcos\b", "because"),
    (r"\bsh\b(?= (?:again|since|for|relapse))", "self harm"),
    (r"\bself[- ]?harm", "self harm"),
    (r"\bmy ?self\b", "myself"),
    (r"\bany ?more\b", "anymore"),
    (r"\b(mum|mom|mommy|mummy|mama|ma)\b", "mom"),
    (r"\b(daddy|papa|pa)\b", "dad"),
    (r"\bin'(?=\W|$)", "ing"),
)
_FILLERS = re.compile(
    r"\b(?:just|really|rly|so|literally|honestly|fucking|fuckin|freaking|damn|bloody|actually|simply|truly|kinda|"
    r"kind of|sort of|totally|badly|even|basically|probably|maybe|perhaps|like(?= (?:killing|dying|ending|\d))|"
    r"secretly|seriously|genuinely|absolutely|desperately|definitely|somehow|tbh|ngl|currently|already|often|"
    r"sometimes|constantly|always|also|too(?= (?:want|think))|myself(?= (?:wish|want))|quietly|all of a sudden|"
    r"suddenly|recently|lately|again and again|over and over)\b ?"
)
_EXPANSIONS = [(re.compile(pattern), replacement) for pattern, replacement in _CONTRACTIONS]


def _bare(pattern: str) -> str:
    """A pattern without the beginning of the word and without groups that are remembered, each of which takes time."""
    return re.sub(r"\((?!\?)", "(?:", re.sub(r"(^|\|)\\b", r"\1", pattern))


_CONTRACTED = re.compile(r"\b(?=\w)(?:" + "|".join(_bare(pattern) for pattern, _ in _CONTRACTIONS) + ")")
"""Any of them: a sentence without is left alone, which takes a tenth of the time. Each begins at the start of a word,
which is looked for once."""
_HANGUL_MARKS = re.compile(
    r"(?<=[가-힣ㄱ-ㅎ])[.*/_~^·ㆍ'\"|+=1-9-]{1,2}(?=[가-힣ㄱ-ㅎ](?:[^가-힣]|하|할|을|해|시|고|$))"
)
"""Something between single Hangul letters, as in 자.살."""
_NO_JAMO = re.compile("[^ㄱ-ㅎㅏ-ㅣ]+")
_HANGUL = re.compile("[가-힣ㄱ-ㅎㅏ-ㅣ]")


def has_hangul(text: str) -> bool:
    """Whether a text has a Korean letter."""
    return not text.isascii() and _HANGUL.search(text) is not None


def plain(sentence: str) -> str:
    """In NFKC and case-folded, with single spaces; without invisible characters, with straight quotation marks."""
    if sentence.isascii():
        return " ".join(sentence.casefold().replace("`", "'").split())
    visible = unicodedata.normalize("NFC", _INVISIBLE.sub("", sentence))
    text = _NO_JAMO.sub(lambda found: unicodedata.normalize("NFKC", found[0]), visible)  # NFKC would change ㅈ alone
    return " ".join(text.casefold().translate(_APOSTROPHES).split())


def normalize(sentence: str) -> str:
    """What the rules of core read: one spelling, in English or Korean."""
    text = plain(sentence)
    return _korean(text) if has_hangul(text) else _english(text)


def _english(text: str) -> str:
    text = _SPACED.sub(lambda found: re.sub(r"[ .*_-]", "", found[0]), text)
    if _IN_MIXED.search(text):
        text = _MIXED.sub(
            lambda found: found[0] if _ORDINARY.fullmatch(found[0]) else found[0].translate(_DIGITS), text
        )
    text = _REPEATED.sub(r"\1", text)
    if _CONTRACTED.search(text):
        for pattern, replacement in _EXPANSIONS:
            text = pattern.sub(replacement, text)
    return " ".join(_FILLERS.sub("", text).split())


def _korean(text: str) -> str:
    """Two lines: the sentence without spaces, which people set in many ways, and with them."""
    text = re.sub(r"([ㄱ-ㅎㅏ-ㅣ!?.~])\1{2,}", r"\1\1", text)
    return f"{_HANGUL_MARKS.sub('', text.replace(' ', ''))}\n{text}"
