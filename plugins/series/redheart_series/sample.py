"""The sample of the package: three daily series of a system whose best forecast is known, made by a seeded generator.

y_t = level + w_t + s_t + 0.8 x_{t-1}, with a weekly pattern w, an AR(2) s_t = 0.6 s_{t-1} + 0.2 s_{t-2} + e_t (standard
deviation of e: 1), and a covariate x that is an AR(1) and acts a day later. Weekends are known ahead. A level of unrest
turns the noise from calm to restless for weeks at a time: the class.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np

from redheart_series.reading import Row

SEED, DAYS = 20261129, 420
TIME, GROUPS, TARGETS, COVARIATES, KNOWN, CLASSES = "day", ("shop",), ("sales",), ("rain",), ("weekend",), ("mood",)
WEEK = (0.0, 0.4, 0.8, 1.2, 2.4, 4.0, 3.2)
SHOPS = {"north": 20.0, "south": 26.0, "west": 33.0}
MISSING = 0.01
"""Share of the values of sales and rain that are left out."""


def sample_rows(ahead: int = 0) -> Iterator[tuple[str, Row]]:
    """(where, row) as of a file; behind the last one of each shop rows ahead, which hold what is known alone."""
    generator = np.random.default_rng(SEED)
    line = 1
    for shop, level in SHOPS.items():
        e, f = generator.standard_normal((2, DAYS))
        turns, gaps = generator.random(DAYS), generator.random((DAYS, 2))
        s, x, restless = [0.0, 0.0], 0.0, False
        for day in range(DAYS):
            restless = not restless if turns[day] < 1 / 40 else restless
            s = [0.6 * s[0] + 0.2 * s[1] + e[day] * (1.5 if restless else 0.6), s[0]]
            sales = level + WEEK[day % 7] + s[0] + 0.8 * x
            x = 0.7 * x + f[day]
            line += 1
            yield (
                f"sample line {line}",
                {
                    "day": _date(day),
                    "shop": shop,
                    "sales": None if gaps[day, 0] < MISSING else round(sales, 3),
                    "rain": None if gaps[day, 1] < MISSING else round(x, 3),
                    "weekend": int(day % 7 >= 5),
                    "mood": "restless" if restless else "calm",
                },
            )
        for day in range(DAYS, DAYS + ahead):
            line += 1
            yield f"sample line {line}", {"day": _date(day), "shop": shop, "weekend": int(day % 7 >= 5)}


def _date(day: int) -> str:
    """The day of that number; the first is a Monday."""
    return (date(2023, 1, 2) + timedelta(day)).isoformat()
