"""Opens a pretrained encoder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import nn

from redheart_core import SettingsError
from redheart_core.contract.data import Tokenizer
from redheart_core.data.tokenizer import TOKENIZER_FILE, open_tokenizer, tokens_of
from redheart_core.nn.bert import Bert, BertShape
from redheart_core.nn.bert_files import plain_shape, read_bert
from redheart_core.storage.files import read_json
from redheart_core.storage.pretrained import quiet
from redheart_text_transformer.places import find_base, require_library
from redheart_text_transformer.settings import UNTRAINED, TextTransformerSettings

_UNMOVED = (".key.bias", ".k_lin.bias", ".k_proj.bias", ".key_proj.bias")
"""Ends of the names of parameters that a softmax cancels, so that they get no gradient."""
_TEXT = (
    *("albert", "bert", "camembert", "deberta", "deberta-v2", "distilbert", "electra", "ernie", "modernbert", "mpnet"),
    *("roberta", "roberta-prelayernorm", "roformer", "xlm-roberta", "xlm-roberta-xl", "eurobert", "nomic_bert"),
)
"""Architectures of the transformers library that read text both ways and give a state for each token."""


def resources(settings: TextTransformerSettings) -> dict[str, Path]:
    """The files that every checkpoint depends on: the architecture, with adapters the weights beside them, and with a
    prefix the tokenizer.

    Raises:
        MissingResourceError: The encoder or a library is not there.
        SettingsError: The folder holds no encoder.
    """
    if settings.model == UNTRAINED:
        return {}
    place, folder = find_base(settings)
    if plain_shape(_table(folder, place)) is None:
        require_library()
    files = [_architecture(folder, place), *(_weights(folder, place) if settings.lora else [])]
    files += [folder / TOKENIZER_FILE] if settings.prefix is not None else []
    return {path.name: path for path in files}


def own_tokenizer(settings: TextTransformerSettings) -> str | None:
    """The place of the encoder's own tokenizer; None of an untrained one, which reads the tokens of any.

    Raises:
        MissingResourceError: The encoder is not there.
    """
    return None if settings.model == UNTRAINED else find_base(settings)[0]


def with_prefix(settings: TextTransformerSettings, tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer as it frames a window: with the tokens of the prefix before the text.

    Raises:
        MissingResourceError: The encoder is not there.
        SettingsError: The encoder is untrained, its tokenizer cannot be read, or the prefix has no tokens.
    """
    if settings.prefix is None:
        return tokenizer
    if settings.model == UNTRAINED:
        raise SettingsError(f"prefix = {settings.prefix!r}: an untrained encoder knows none; leave it out")
    ids = tokens_of(find_base(settings)[1], settings.prefix)
    if not ids:
        raise SettingsError(f"prefix = {settings.prefix!r} has no tokens; leave it out")
    return attrs.evolve(tokenizer, before=(*tokenizer.before, *ids))


def open_base(settings: TextTransformerSettings, tokenizer: Tokenizer, restored: bool) -> nn.Module:
    """The encoder, called with input_ids and attention_mask; BERT is computed here, others by the transformers library.

    Args:
        settings: Name it.
        tokenizer: Of the data.
        restored: A checkpoint is loaded right after, whose tokens are the encoder's own; without adapters it holds all
            weights, which are not read here.

    Raises:
        MissingResourceError: There is no such model, or a library is not installed.
        SettingsError: It is not what the settings and the tokenizer say.
    """
    place, folder = (UNTRAINED, None) if settings.model == UNTRAINED else find_base(settings)
    shape = _untrained(settings, tokenizer) if folder is None else plain_shape(_table(folder, place))
    real = torch.get_default_device().type != "meta"
    needed = real and not (restored and not settings.lora)
    if shape is not None:
        base = _own(shape, settings, tokenizer, place, folder, needed)
    else:
        assert folder is not None
        base = _of_library(settings, tokenizer, place, folder, needed)
    if folder is not None and real and not restored:
        _check_tokenizer(place, tokenizer)
    for name, parameter in base.named_parameters():
        if name.endswith(_UNMOVED):
            parameter.requires_grad_(False)
    return base


def _own(
    shape: BertShape,
    settings: TextTransformerSettings,
    tokenizer: Tokenizer,
    place: str,
    folder: Path | None,
    needed: bool,
) -> nn.Module:
    """BERT with its first weights if these are needed: those of the folder, or drawn ones without a folder."""
    sizes = _Sizes("bert", shape.hidden_size, shape.vocab_size, shape.max_position_embeddings)
    _check(sizes, place, settings, tokenizer)
    if settings.attention_dropout is not None:
        shape = attrs.evolve(shape, attention_probs_dropout_prob=settings.attention_dropout)
    if needed and folder is not None:
        return read_bert(shape, _weights(folder, place), place, SettingsError, checkpointing=settings.checkpointing)
    bert = Bert(shape, checkpointing=settings.checkpointing)
    if needed:
        bert.initialise()
    return bert


def _of_library(
    settings: TextTransformerSettings, tokenizer: Tokenizer, place: str, folder: Path, needed: bool
) -> nn.Module:
    require_library()
    import transformers

    config = _config(folder, place)
    known = config.to_dict()
    if known.get("is_encoder_decoder") or known.get("is_decoder") or config.model_type not in _TEXT:
        raise SettingsError(
            f"model = {place!r} is of the architecture {config.model_type!r}, which is none of the encoders of text "
            f"that this plugin trains ({', '.join(_TEXT)})"
        )
    positions = known.get("max_position_embeddings")
    if positions is not None and ("roberta" in config.model_type or config.model_type == "mpnet"):
        positions -= config.pad_token_id + 1  # RoBERTa and its kin number positions from the padding token on
    _check(_Sizes(config.model_type, config.hidden_size, config.vocab_size, positions), place, settings, tokenizer)
    _set_dropout(config, place, settings)
    empty: Callable[[Any], Any] = transformers.AutoModel.from_config
    base = _load(folder, place, config) if needed else empty(config)
    if vars(base)["_modules"].get("pooler") is not None:
        base.pooler = None  # reads the first token for a task of the pretraining; the states do not depend on it
    if settings.checkpointing:
        base.activation_checkpointing_enable()
    module: nn.Module = base
    return module


def _set_dropout(config: Any, place: str, settings: TextTransformerSettings) -> None:
    """Put the share of dropped attention weights into a configuration, under the name that it has there."""
    if settings.attention_dropout is None:
        return
    found = [name for name in ("attention_probs_dropout_prob", "attention_dropout") if name in config.to_dict()]
    if not found:
        raise SettingsError(f"attention_dropout: the configuration of {place!r} has none; leave it out")
    setattr(config, found[0], settings.attention_dropout)


def _load(folder: Path, place: str, config: Any) -> Any:
    import transformers

    _weights(folder, place)
    try:
        with quiet():
            model, report = transformers.AutoModel.from_pretrained(
                folder,
                config=config,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
    except (OSError, ValueError, RuntimeError) as reason:
        raise SettingsError(f"model = {place!r} cannot be loaded: {reason}") from reason
    missing = sorted(name for name in report["missing_keys"] if not name.startswith("pooler."))
    if missing:
        raise SettingsError(
            f"model = {place!r}: its files lack {len(missing)} weights of the architecture in its "
            f"config.json ({', '.join(missing[:3])}); take a whole model"
        )
    return model


def _weights(folder: Path, place: str) -> list[Path]:
    files = sorted(folder.glob("model*.safetensors"))
    if not files:
        raise SettingsError(
            f"model = {place!r}: {folder} holds no model.safetensors; weights in other files, which can hold "
            "code, are not read: load the model with the transformers library and save it with save_pretrained"
        )
    return files


def _architecture(folder: Path, place: str) -> Path:
    path = folder / "config.json"
    if not path.is_file():
        raise SettingsError(f"model = {place!r}: {folder} holds no config.json of the transformers library")
    return path


def _table(folder: Path, place: str) -> dict[str, Any]:
    """What config.json holds."""
    found = read_json(_architecture(folder, place), SettingsError)
    if not isinstance(found, dict):
        raise SettingsError(f"model = {place!r}: its config.json has to hold a table, got {type(found).__name__}")
    return found


def _config(folder: Path, place: str) -> Any:
    import transformers

    try:
        return transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as reason:
        raise SettingsError(f"model = {place!r}: its config.json cannot be used: {reason}") from reason


def _untrained(settings: TextTransformerSettings, tokenizer: Tokenizer) -> BertShape:
    if settings.width % settings.heads:
        raise SettingsError(f"width = {settings.width} cannot be split into heads = {settings.heads}")
    return BertShape(
        vocab_size=tokenizer.size,
        hidden_size=settings.width,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        intermediate_size=4 * settings.width,
        max_position_embeddings=settings.window,
        pad_token_id=tokenizer.padding,
        type_vocab_size=1,
    )


@attrs.frozen
class _Sizes:
    """Of an encoder."""

    architecture: str
    width: int
    vocabulary: int
    positions: int | None
    """Tokens that it reads at once; None, or below 1, if it knows no bound."""


def _check(sizes: _Sizes, place: str, settings: TextTransformerSettings, tokenizer: Tokenizer) -> None:
    """Refuse an encoder that is not what the settings say, or cannot read the tokens."""
    model = f"model = {place!r}"
    if sizes.width != settings.width:
        raise SettingsError(f"{model} has states of width {sizes.width}; set width = {sizes.width}")
    frame = len(tokenizer.before) + len(tokenizer.after)
    if settings.window < frame + 1:
        raise SettingsError(f"window = {settings.window}: {frame} tokens frame a text; take a larger one")
    if sizes.positions is not None and 0 < sizes.positions < settings.window:
        raise SettingsError(
            f"window = {settings.window}: {place!r} reads at most {sizes.positions} tokens "
            "at once; take a smaller window, longer texts are read in several"
        )
    if tokenizer.size > sizes.vocabulary:
        raise SettingsError(
            f"{model} knows {sizes.vocabulary} tokens, the data's tokenizer {tokenizer.name} has {tokenizer.size}; "
            f"{_remedy(place, tokenizer)}"
        )


def _check_tokenizer(place: str, tokenizer: Tokenizer) -> None:
    own = open_tokenizer(place).identity
    if own.sha256 != tokenizer.sha256:
        raise SettingsError(
            f"model = {place!r} was trained on the tokens of {own.name}, the data hold those of "
            f"{tokenizer.name}, which are others; {_remedy(place, tokenizer)}"
        )


def _remedy(place: str, tokenizer: Tokenizer) -> str:
    return (
        f"prepare the data with the model's own: --set data.tokenizer={place}, or, where other plugins read the tokens "
        f"of {tokenizer.name}, with both: --set data.tokenizer={tokenizer.name}+{place}"
    )
