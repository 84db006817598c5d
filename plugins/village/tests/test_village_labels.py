"""Labels of episodes that can be worked out by hand, and what always holds."""

import math

import attrs
import pytest

from redheart_village.account import Account, account_for, own_score
from redheart_village.acts import ACTS, Act
from redheart_village.appraisal import Appraisal, appraise, emotion
from redheart_village.labels import bentham, choice_factors, regret, utility
from redheart_village.people import Pair, Person
from redheart_village.world import STATES, Episode, Situation, State, live, norm_of, play

NEEDY = Person(
    gender="female",
    needs={
        "food": 1.0,
        "health": 1.0,
        "money": 1.0,
        "safety": 1.0,
        "esteem": 1.0,
        "belonging": 1.0,
        "shelter": 1.0,
        "company": 1.0,
    },
    care=0.5,
    conscience=0.5,
    haste=0.1,
)
HARVEST = Situation(
    matter="harvest",
    pair=Pair(agent=NEEDY, other=NEEDY, relation="neighbour", promise=False),
    stakes=0.65 / 1.2,  # makes the factor of the stakes one
    crowd=0,
    days=10.0,
    delay_days=5.0,
    fecundity=0.5,
    purity=0.8,
    fair=0.75,
    seen=0.5,
    twists=(1.0,) * len(ACTS),
    acts=("bold", "safe"),
    barred="wrong",
)
FAIR, FOUL = State("fair", False), State("foul", False)
K = math.exp(-0.1) * (1 - math.exp(-0.2)) / 0.02
"""Discounted days of 10 days that begin after 5, at 0.02 a day."""


def episode(chosen: Act, state: State = FAIR, known: bool = True, situation: Situation = HARVEST) -> Episode:
    return Episode(situation, chosen, state, known, focus="agent")


@pytest.fixture(scope="module")
def accounts() -> list[Account]:
    return [account_for(live(7, "en", index)) for index in range(400)]


def test_safe_harvest_gives_both_their_share_by_hand() -> None:
    agent, other = play(HARVEST, "safe", FOUL)
    assert (agent.role, other.role) == ("agent", "other")
    assert agent.lot.intensity == pytest.approx(0.4 * 0.65)
    assert other.lot.intensity == pytest.approx(0.12 * 0.65)
    assert (agent.lot.days, agent.lot.delay_days) == (10.0, 5.0)
    assert (agent.lot.fecundity, agent.lot.purity) == pytest.approx((0.4, 0.9))


def test_utility_of_the_safe_harvest_by_hand() -> None:
    value = (0.4 + 0.12) * 0.65 * K * (0.4 + 0.9)  # no side effects, no redistribution
    value *= (0.8 + 0.7 * 0.5) ** (1 / 6)  # social layer; the moral one is 1
    assert utility(account_for(episode("safe"))) == pytest.approx(value / (15 + value), abs=1e-12)


def test_utility_of_the_open_bold_harvest_by_hand() -> None:
    chain = 0.65 + 0.7
    net = (0.75 * (1.0 + 0.35) - 0.25 * (0.9 + 0.4)) * 0.65 * K * chain
    gross = (0.75 * (1.0 + 0.35) + 0.25 * (0.9 + 0.4)) * 0.65 * K * chain
    value = (net - gross * (0.125 * 0.1 + 0.0625 * 0.3)) * 1.15 ** (1 / 6)
    assert utility(account_for(episode("bold", known=False))) == pytest.approx(value / (15 + value), abs=1e-12)


def test_bentham_of_the_bold_harvest_by_hand() -> None:
    known = bentham(account_for(episode("bold")))
    assert known == pytest.approx(
        {
            "intensity": (0.65**2 + (0.35 * 0.65) ** 2) / (0.65 + 0.35 * 0.65),
            "duration": 1 - math.exp(-10 / 30),
            "certainty": 0.75,
            "propinquity": math.exp(-0.02 * 5),
            "fecundity": 0.65,
            "purity": 0.7,
            "extent": math.log(3) / math.log(101),
        }
    )
    still_open = bentham(account_for(episode("bold", known=False)))
    assert still_open["certainty"] == pytest.approx(0.75**2 + 0.25**2)


def test_choice_factors_follow_from_the_payoffs_by_hand() -> None:
    account = attrs.evolve(account_for(episode("bold")), payoffs=[[0.6, 0.6, -0.4, -0.4], [0.2, 0.2, 0.2, 0.2]])
    assert choice_factors(account) == pytest.approx(
        {
            "selection": 1 / 3,
            "uncertainty": -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25)) / 2,
            "risk": 0.1 / (0.25 + 0.1),
            "decision": 0.15 / (0.15 + 0.15),  # expected 0.35 against 0.2
        }
    )


def test_regret_is_experienced_when_known_and_anticipated_while_open() -> None:
    payoffs = [[0.6, 0.6, -0.4, -0.4], [0.2, 0.2, 0.2, 0.2]]

    def size(story: Episode) -> float:
        return regret(attrs.evolve(account_for(story), payoffs=payoffs))

    assert size(episode("bold", FAIR)) == 0.0
    assert size(episode("bold", FOUL)) == pytest.approx(0.6 / (0.4 + 0.6))
    assert size(episode("safe", FAIR)) == pytest.approx(0.5)
    assert size(episode("bold", known=False)) == pytest.approx(0.15 / (0.4 + 0.15))


def test_emotions_of_one_who_is_wronged_by_hand() -> None:
    shares = emotion(
        Appraisal(gain=0.0, loss=0.5, certainty=1.0, unexpected=0.5, blame=0.5, by_other=1.0, norm=-0.8, closeness=0.5)
    )
    weights = {
        "joy": 0.03,
        "trust": 0.04,
        "fear": 0.04 + 0.075,
        "surprise": 0.03 + 0.22,
        "sadness": 0.03 + 0.45,
        "disgust": 0.02 + 0.54,
        "anger": 0.03 + 0.5 + 0.48,
    }
    assert shares == pytest.approx({label: weight / sum(weights.values()) for label, weight in weights.items()})


def test_appraisal_of_a_bold_harvest_lost_by_hand() -> None:
    seen = appraise(account_for(episode("bold", FOUL)))
    lost = 0.9 * 0.65 * K * 1.35
    kept = 0.4 * 0.65 * K * 1.3
    spared = kept / (6 + kept) + lost / (6 + lost)
    assert seen.gain == 0.0
    assert seen.loss == pytest.approx(lost / (6 + lost))
    assert seen.blame == pytest.approx(spared / (spared + 0.4))
    assert (seen.certainty, seen.unexpected, seen.by_other, seen.norm) == (1.0, 0.75, 0.0, 0.0)


def test_a_seen_wrong_costs_standing_and_a_hidden_one_does_not() -> None:
    hidden = own_score(play(HARVEST, "wrong", State("fair", False)), "agent")
    assert own_score(play(HARVEST, "wrong", State("fair", True)), "agent") < hidden


def test_a_promise_makes_waiting_a_breach() -> None:
    promised = attrs.evolve(HARVEST, pair=attrs.evolve(HARVEST.pair, promise=True))
    assert norm_of(HARVEST, "wait") == -0.1
    assert norm_of(promised, "wait") == pytest.approx(-0.6)


def test_a_sure_outcome_has_no_uncertainty_and_full_certainty() -> None:
    account = account_for(episode("safe", known=False))
    assert choice_factors(account)["uncertainty"] == 0.0
    assert choice_factors(account)["risk"] == 0.0
    assert bentham(account)["certainty"] == pytest.approx(1.0)


def test_a_single_act_leaves_nothing_to_select_regret_or_weigh() -> None:
    account = account_for(episode("bold", FOUL, situation=attrs.evolve(HARVEST, acts=("bold",))))
    assert regret(account) == 0.0
    assert choice_factors(account)["selection"] == 0.0
    assert choice_factors(account)["decision"] == 1.0


def test_known_regret_is_zero_exactly_when_no_act_did_better(accounts: list[Account]) -> None:
    known = [account for account in accounts if account.episode.known]
    best = 0
    for account in known:
        column = [row[STATES.index(account.episode.state)] for row in account.payoffs]
        chose_best = column[account.chosen_row] == max(column)
        best += chose_best
        assert (regret(account) == 0.0) == chose_best
    assert 0.2 < best / len(known) < 0.8


def test_open_regret_differs_between_acts_as_expected_payoffs_do(accounts: list[Account]) -> None:
    checked = 0
    for account in accounts:
        p = account.situation.probabilities
        if account.episode.known or len(account.payoffs) < 2:
            continue
        means = [sum(q * u for q, u in zip(p, row, strict=True)) for row in account.payoffs]
        other = (account.chosen_row + 1) % len(means)
        swapped = attrs.evolve(account, episode=attrs.evolve(account.episode, chosen=account.situation.acts[other]))
        here, there = (0.4 * r / (1 - r) for r in (regret(account), regret(swapped)))
        assert here - there == pytest.approx(means[other] - means[account.chosen_row], abs=1e-9)
        checked += 1
    assert checked > 50


def test_every_appraisal_is_within_range(accounts: list[Account]) -> None:
    for account in accounts:
        numbers = attrs.asdict(appraise(account))
        assert -1.0 <= numbers.pop("norm") <= 1.0
        assert all(-1e-12 <= number <= 1.0 for number in numbers.values())


def test_probabilities_of_states_sum_to_one(accounts: list[Account]) -> None:
    for account in accounts:
        assert math.fsum(account.situation.probabilities) == pytest.approx(1.0, abs=1e-12)
