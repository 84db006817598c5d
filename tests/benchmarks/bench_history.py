"""What the earlier scenarios of a person in village can tell of the next one, at best.

Usage: python tests/benchmarks/bench_history.py [--records 12000] [--train 1400]

Explained variance on the last quarter of the records, by ridge regression on the others, from what the simulator knows:
the person's own traits (care, conscience, haste, urgency of the eight needs), the mood before the event, both; and from
the field `history`, the newest scenario first, learnt on all other records or on the first --train of them, as many as
2,000 stories have in their training part. The situation, the act and the luck of the next scenario are drawn anew, so
that nothing but traits and mood is carried over.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV

from redheart_core.contract.catalogue import CATALOGUE
from redheart_village.account import account_for
from redheart_village.company import gather
from redheart_village.feelings import feel
from redheart_village.labels import regret, utility
from redheart_village.past import past_of
from redheart_village.streams import stream
from redheart_village.world import live

Numbers = NDArray[np.float64]
SCENARIOS, LABELS = CATALOGUE["history"].shape
TARGETS = ("regret", "utility", *(f"self_after.{label}" for label in CATALOGUE["self_after"].labels))
PENALTIES = np.logspace(-2, 5, 22)


def draw(index: int) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Of a record of seed 0 traits, mood, history with what is missing, and targets."""
    account = account_for(live(0, "en", index))
    company = gather(stream(0, "en", index, "company"), "en", account.situation)
    past = past_of(0, "en", index, company.actor)
    after = feel(account, company, past.mood, stream(0, "en", index, "others")).actor_after
    person = company.actor.person
    traits = np.array([person.care, person.conscience, person.haste, *person.needs.values()])
    history = np.zeros((2, SCENARIOS, LABELS))
    for place, memory in enumerate(reversed(past.memories)):
        history[0, place] = [*memory.after, memory.regret, memory.utility]
        history[1, place] = 1.0
    return traits, np.array(past.mood), history.ravel(), np.array([regret(account), utility(account), *after])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=12000)
    parser.add_argument("--train", type=int, default=1400)
    chosen = parser.parse_args()
    parts = zip(*(draw(index) for index in range(chosen.records)), strict=True)
    traits, mood, history, targets = (np.stack(part) for part in parts)
    most = 3 * chosen.records // 4
    ways = {
        "traits": (traits, most),
        "mood": (mood, most),
        "traits and mood": (np.concatenate([traits, mood], 1), most),
        f"history, {most}": (history, most),
        f"history, {chosen.train}": (history, chosen.train),
    }
    print(f"{'explained variance, %':18} " + " ".join(f"{name:>18}" for name in TARGETS) + f" {'self_after, mean':>18}")
    for name, (inputs, count) in ways.items():
        found = []
        for y in targets.T:
            said = RidgeCV(PENALTIES).fit(inputs[:count], y[:count]).predict(inputs[most:])
            found.append(100 * (1 - float(((y[most:] - said) ** 2).mean() / y[most:].var())))
        print(f"{name:21} " + " ".join(f"{one:18.1f}" for one in [*found, float(np.mean(found[2:]))]), flush=True)


if __name__ == "__main__":
    main()
