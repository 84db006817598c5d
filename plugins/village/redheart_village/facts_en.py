"""English clauses on how large a quantity of the world is."""

from __future__ import annotations

from collections.abc import Mapping

from redheart_village.phrases import Facts, Level

FACTS_EN: Mapping[Facts, Mapping[Level, tuple[str, ...]]] = {
    "stakes": {
        "low": (
            "not much hung on it",
            "it was a small thing, really",
            "nobody would have been ruined by it",
            "there was little to win or lose",
        ),
        "middle": (
            "something hung on it",
            "it was no trifle, but no matter of life either",
            "it mattered a fair amount",
            "there was a good deal to think about",
        ),
        "high": (
            "everything hung on it",
            "there was nothing to fall back on",
            "more was at stake than ever before",
            "it was all that was left",
        ),
    },
    "days": {
        "low": (
            "a few days later it would all be past",
            "it was a matter of days",
            "such things do not last",
            "by the end of the week it would be over",
        ),
        "middle": (
            "it was a matter of weeks",
            "one would feel it until the next full moon",
            "it would take a month to fade",
            "it would stay for some weeks",
        ),
        "high": (
            "one would feel it for many months",
            "it would last until next year at least",
            "such a thing stays for a long time",
            "it was a matter of seasons and not of days",
        ),
    },
    "delay": {
        "low": (
            "the effect would show within hours",
            "one would know the same day",
            "there was no time at all before it",
            "it was going to happen at once",
        ),
        "middle": (
            "it would be a week before anyone felt it",
            "the effect would come in some days",
            "it was still a few days off",
            "after a week or so it would show",
        ),
        "high": (
            "the effect was still months away",
            "it would be long before anyone felt it",
            "only the next season would show it",
            "it lay far in the future",
        ),
    },
    "crowd": {
        "low": (
            "nobody else was concerned",
            "it was a thing between two people only",
            "no other house was touched by it",
            "the others had no part in it",
        ),
        "middle": (
            "a handful of others would feel it too",
            "a few more families were concerned",
            "some people from the lane depended on it as well",
            "it touched the household next door too",
        ),
        "high": (
            "the whole village would feel it",
            "dozens of people depended on it",
            "there was hardly a house that it did not touch",
            "young and old were all concerned",
        ),
    },
    "fecundity": {
        "low": (
            "nothing more would follow from it",
            "it would end where it began",
            "it was a thing that happens once",
            "it would leave no trace",
        ),
        "middle": (
            "something might follow from it",
            "it could well happen a second time",
            "there might be more of it to come",
            "it was not clear whether it would end there",
        ),
        "high": (
            "one such day brings many more",
            "it was sure to lead to more of the same",
            "it would go on by itself like a wheel",
            "it was only the first of many",
        ),
    },
    "purity": {
        "low": (
            "it had two sides, sweet and bitter",
            "every such thing has its price",
            "the opposite would not be far behind",
            "feelings about it were bound to be mixed",
        ),
        "middle": (
            "there was a little of the other side in it",
            "it was not quite so simple",
            "it was mostly one thing, and a little another",
            "a small doubt was part of it",
        ),
        "high": (
            "it was what it was and nothing else",
            "there was no other side to it",
            "nothing would water it down",
            "the feeling would be unmixed",
        ),
    },
    "odds": {
        "low": (
            "the old people shook their heads",
            "hardly anyone believed that luck would help",
            "all the signs were bad",
            "chances were poor",
        ),
        "middle": (
            "nobody could say how it would go",
            "it stood on a knife's edge",
            "half of the people said one thing and half another",
            "it was like the toss of a coin",
        ),
        "high": (
            "most people thought it would go well",
            "all the signs were good",
            "luck seemed to be on this side",
            "there was good reason to be hopeful",
        ),
    },
    "lead": {
        "low": (
            "the ways were much alike",
            "one way seemed as good as another",
            "it made little difference which way to go",
        ),
        "middle": (
            "one way seemed a little better",
            "there was something to be said for each way",
            "the scales leaned to one side",
        ),
        "high": (
            "one way was clearly the best",
            "anyone could see what was best",
            "there was no comparison between the ways",
        ),
    },
}
