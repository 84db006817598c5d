"""The learning rate in closed form, as a share of its peak; computed without torch."""

from __future__ import annotations

import math

from redheart_core.config.tables import TrainSettings


def schedule_factor(update: int, total: int, settings: TrainSettings) -> float:
    """Share of the peak rate at an update, counted from 0.

    Linear warm-up, then a cosine to final_rate at the last update, or cosines that
    restart after restart_updates, each twice as long as the one before (Loshchilov and
    Hutter 2017).
    """
    warmup = min(settings.warmup_updates, total - 1)
    if update < warmup:
        return (update + 1) / (warmup + 1)
    done, length = update - warmup, max(total - warmup - 1, 1)
    if settings.schedule == "cosine_restarts":
        length = settings.restart_updates
        while done >= length:
            done, length = done - length, 2 * length
    share = 0.5 * (1 + math.cos(math.pi * min(done / length, 1.0)))
    return settings.final_rate + (1 - settings.final_rate) * share
