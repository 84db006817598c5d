"""Texts as tokens: a declared tokenizer, or one that is learnt from the training texts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from redheart_core.contract.data import Tokenizer
from redheart_core.contract.errors import RedheartError, SettingsError, StoreError
from redheart_core.contract.names import composed
from redheart_core.storage.files import make_folder, read_bytes, read_json, write_bytes
from redheart_core.storage.pretrained import pretrained_folder

TOKENIZER_FILE = "tokenizer.json"
PADDED = -1
"""Stands after a text's last token in a batch; no tokenizer has such an id."""
_LEARNT = re.compile(r"learnt:([1-9]\d*)")
LEAST = 300
"""Tokens of a vocabulary that is learnt, at least."""
_PAD, _UNKNOWN = "[PAD]", "[UNK]"


@attrs.frozen(eq=False)
class TextTokenizer:
    """A tokenizer of the tokenizers library, and what identifies it."""

    identity: Tokenizer
    _library: Any = attrs.field(repr=False)

    @property
    def marks(self) -> frozenset[int]:
        """Ids of its special tokens, which stand for no part of a text, such as that for an unknown one."""
        return frozenset(place for place, token in self._library.get_added_tokens_decoder().items() if token.special)

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """The ids of each whole text, without the tokens that frame a text."""
        found = self._library.encode_batch([composed(text) for text in texts], add_special_tokens=False)
        return [np.array(one.ids, np.int32) for one in found]

    def vector(self, text: str) -> Tensor:
        """One text to (1, L) int64, as a batch of the store holds it."""
        return pad(self.encode([text]))

    def save(self, folder: Path) -> None:
        """Write tokenizer.json into a folder, which is made if it is missing."""
        make_folder(folder)
        write_bytes(folder / TOKENIZER_FILE, _content(self._library))


def pad(texts: Sequence[NDArray[Any]]) -> Tensor:
    """The ids of B texts to (B, L) int64, PADDED after each text's last token; L is at least 1."""
    longest = max((len(ids) for ids in texts), default=0)
    padded = np.full((len(texts), max(longest, 1)), PADDED, np.int64)
    for row, ids in zip(padded, texts, strict=True):
        row[: len(ids)] = ids
    return torch.from_numpy(padded)


def learnt_size(place: str) -> int | None:
    """The size of the vocabulary that "learnt:SIZE" asks for; None if a tokenizer is named.

    Raises:
        SettingsError: The size is too small.
    """
    match = _LEARNT.fullmatch(place)
    if match is None:
        return None
    if int(match[1]) < LEAST:
        raise SettingsError(f"[data] tokenizer = {place!r}: a vocabulary has at least {LEAST} tokens")
    return int(match[1])


def requested(places: Sequence[str]) -> list[TextTokenizer | int]:
    """What [data] tokenizer asks for: each tokenizer, and the size of one that is to be learnt.

    Raises:
        SettingsError: One is not there or cannot be used, two are the same, or several are to be learnt.
    """
    found: list[TextTokenizer | int] = []
    for place in places:
        size = learnt_size(place)
        found.append(open_tokenizer(place) if size is None else size)
    if sum(isinstance(one, int) for one in found) > 1:
        raise SettingsError(f"[data] tokenizer = {list(places)}: one tokenizer at most is learnt from the texts")
    taken: dict[str, str] = {}
    for place, one in zip(places, found, strict=True):
        if isinstance(one, TextTokenizer):
            if one.identity.sha256 in taken:
                raise SettingsError(
                    f"[data] tokenizer = {list(places)}: {taken[one.identity.sha256]} and {place} are the same "
                    "tokenizer; name one of them, whose tokens both models read"
                )
            taken[one.identity.sha256] = place
    return found


def open_tokenizer(place: str) -> TextTokenizer:
    """The tokenizer of a pretrained model.

    Args:
        place: As for pretrained_folder.

    Raises:
        SettingsError: There is none, it cannot be read, or it has no padding token.
    """
    folder = pretrained_folder(place, SettingsError)
    library = _read(folder / TOKENIZER_FILE, SettingsError)
    return TextTokenizer(_identify(_name(place, folder), library, _padding(folder, library)), library)


def tokens_of(folder: Path, text: str) -> tuple[int, ...]:
    """The ids of a text by the tokenizer of a pretrained model, without the tokens that frame a text.

    Args:
        folder: Of the model.
        text: Any.

    Raises:
        SettingsError: The folder holds no tokenizer, or one that cannot be read.
    """
    path = folder / TOKENIZER_FILE
    status = path.stat() if path.is_file() else None
    return _ids(path, composed(text), status and (status.st_mtime_ns, status.st_ino, status.st_size))


@lru_cache(maxsize=16)
def _ids(path: Path, text: str, status: object) -> tuple[int, ...]:
    """The ids alone are kept: a large tokenizer takes seconds to read, and hundreds of MB. Status tells files apart."""
    return tuple(_read(path, SettingsError).encode(text, add_special_tokens=False).ids)


def learn_tokenizer(texts: Sequence[str], size: int) -> TextTokenizer:
    """Byte-pair encoding (Sennrich et al. 2016) of the words of some texts, in NFKC and small letters.

    Args:
        texts: Of the train split.
        size: The most tokens.
    """
    parts = _library()
    library = parts.Tokenizer(parts.models.BPE(unk_token=_UNKNOWN))
    library.normalizer = parts.normalizers.Sequence([parts.normalizers.NFKC(), parts.normalizers.Lowercase()])
    library.pre_tokenizer = parts.pre_tokenizers.Metaspace()
    library.decoder = parts.decoders.Metaspace()
    trainer = parts.trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        special_tokens=[_PAD, _UNKNOWN],
        limit_alphabet=size // 2,
        show_progress=False,
    )
    library.train_from_iterator(texts, trainer)
    return TextTokenizer(_identify(f"learnt:{size}", library, _PAD), library)


def load_tokenizer(folder: Path, identity: Tokenizer) -> TextTokenizer:
    """What save wrote.

    Raises:
        StoreError: The file is missing or damaged, or it is another tokenizer.
    """
    data = read_bytes(folder / TOKENIZER_FILE, StoreError)
    found = hashlib.sha256(data).hexdigest()
    if found != identity.sha256:
        raise StoreError(
            f"{folder / TOKENIZER_FILE} is damaged or another tokenizer: its SHA-256 is {found}, recorded is "
            f"{identity.sha256}; restore it from a copy, or prepare the data again"
        )
    return TextTokenizer(identity, _parse(data, folder / TOKENIZER_FILE, StoreError))


def _identify(name: str, library: Any, padding: str) -> Tokenizer:
    framed, framed_twice = (library.encode(text, add_special_tokens=True).ids for text in ("", "a"))
    plain = library.encode("a", add_special_tokens=False).ids
    ahead = next(
        (count for count in range(len(framed) + 1) if framed_twice == [*framed[:count], *plain, *framed[count:]]),
        None,
    )
    if ahead is None:
        raise SettingsError(
            f"the tokenizer {name} frames a text in no plain way: 'a' becomes {framed_twice}, nothing {framed}; "
            "take one that puts fixed tokens before and after a text"
        )
    return Tokenizer(
        name=name,
        sha256=hashlib.sha256(_content(library)).hexdigest(),
        size=library.get_vocab_size(with_added_tokens=True),
        before=tuple(framed[:ahead]),
        after=tuple(framed[ahead:]),
        padding=library.token_to_id(padding),
    )


def _padding(folder: Path, library: Any) -> str:
    """The padding token, as the model's files declare it."""
    declared: object = None
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if declared is None and (folder / name).is_file():
            table = read_json(folder / name, SettingsError)
            declared = table.get("pad_token") if isinstance(table, dict) else None
    if isinstance(declared, dict):
        declared = declared.get("content")
    if not isinstance(declared, str) or library.token_to_id(declared) is None:
        found = f"the padding token {declared!r}, which is not in its vocabulary" if declared else "no padding token"
        raise SettingsError(
            f"the tokenizer in {folder} has {found}, so texts of different length cannot share a batch; write "
            '"pad_token" into its tokenizer_config.json, as a token that it knows'
        )
    return declared


def _name(place: str, folder: Path) -> str:
    """The place without paths of this machine."""
    return folder.resolve().name if Path(place).expanduser().is_dir() else place


def _read(path: Path, error: type[RedheartError]) -> Any:
    if not path.is_file():
        raise error(
            f"{path} is missing; expected the file of a fast tokenizer, which "
            "AutoTokenizer.from_pretrained(...).save_pretrained(...) of the transformers library writes"
        )
    library = _parse(read_bytes(path, error), path, error)
    library.no_padding()
    library.no_truncation()
    return library


def _parse(data: bytes, path: Path, error: type[RedheartError]) -> Any:
    tokenizers = _library()
    try:
        return tokenizers.Tokenizer.from_str(data.decode())
    except Exception as reason:  # the library raises the plain class
        raise error(f"{path} is no tokenizer that the tokenizers library reads: {reason}") from reason


def _content(library: Any) -> bytes:
    text: str = library.to_str()
    return text.encode()


def _library() -> Any:
    try:
        import tokenizers
    except ModuleNotFoundError as missing:
        if missing.name != "tokenizers":
            raise
        raise RedheartError(
            "[data] tokenizer needs the tokenizers library: pip install 'redheart[transformers]'"
        ) from missing
    return tokenizers
