"""Encoders that are tried by the automated choice: a search with each, compared on the same validation records."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from redheart.automating import Automated, AutoOptions, EncoderRow, best_encoder, search_session
from redheart.options import PluginChoice, RunOptions
from redheart.progress import Display
from redheart.sessions import Session, begin, data_settings
from redheart_core import SettingsError

if TYPE_CHECKING:
    from redheart_core.exact.interval import Interval
    from redheart_core.exact.numbers import FloatArray


def try_encoders(
    choice: PluginChoice, options: RunOptions, wanted: AutoOptions, display: Display, groups: Path | None
) -> Automated:
    """Search with each encoder, in folders RUN/ENCODER; what is found with the best one, and how all compare.

    Raises:
        SettingsError: There are not two different encoders, or one is given for all.
    """
    names = ["+".join(one) for one in wanted.encoders]
    if options.encoder is not None or options.store is not None:
        raise SettingsError("each encoder that is tried has its own store; leave --encoder and --store out")
    if len(names) < 2 or len(set(names)) < len(names):
        raise SettingsError(f"it takes two different encoders or more to compare them, got {', '.join(names)}")
    data = data_settings(choice.load((), display.say), dataset=options.dataset, encoder=wanted.encoders[0])
    base = options.output or Path("runs") / data.dataset
    runs = [attrs.evolve(options, output=base / "+".join(one), encoder=one) for one in wanted.encoders]
    sessions = [begin(choice, one, display, groups) for one in runs]  # what cannot be read is refused before any search
    if len(set(map(_validation, sessions))) > 1:
        raise SettingsError(
            f"the stores of {', '.join(names)} below {base} hold different validation records; remove these folders "
            "and search again"
        )
    found: list[Automated] = []
    losses: list[Mapping[str, FloatArray]] = []
    for name, run, session in zip(names, runs, sessions, strict=True):
        display.say(f"encoder {name}")
        automated, searched = search_session(session, run, wanted, display)
        found.append(automated)
        losses.append(searched.losses)
    differences = [relative(one, losses[0], sessions[0].context.settings.seed) for one in losses]
    rows = tuple(EncoderRow(name, base / name, difference) for name, difference in zip(names, differences, strict=True))
    return attrs.evolve(found[rows.index(best_encoder(rows))], encoders=rows)


def relative(losses: Mapping[str, FloatArray], first: Mapping[str, FloatArray], seed: int) -> Interval:
    """The mean over groups of one mean loss relative to another, less 1, with 95 % over records.

    Args:
        losses: Of each group (N,).
        first: Those that they are relative to, of the same records.
        seed: Decides the resamples.
    """
    from redheart_core.exact.bootstrap import RESAMPLES, counts, interval, resample
    from redheart_core.storage.runtime import generator

    shares: list[float] = []
    draws: list[FloatArray] = []
    for group, mine in losses.items():
        held = counts(resample(len(mine), generator(seed, "encoders"), RESAMPLES), len(mine))
        shares.append(float(mine.mean() / first[group].mean()) - 1.0)
        draws.append(held @ mine / (held @ first[group]) - 1.0)
    return interval(sum(shares) / len(shares), sum(draws) / len(draws))


def _validation(session: Session) -> str:
    """The ids of the validation records, on lines."""
    store = session.context.store
    return "\n".join(store.id(int(row)) for row in store.rows("validation"))
