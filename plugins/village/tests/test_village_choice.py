"""Fields of choice, of the full calculus and of the mood log."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import solve_discrete_lyapunov

from redheart_core import CATALOGUE, Record
from redheart_village import calculus, choice, context, moods
from redheart_village.account import Account, account_for
from redheart_village.acts import ACTS
from redheart_village.company import Company, gather
from redheart_village.records import make_records
from redheart_village.settings import VillageSettings
from redheart_village.streams import stream
from redheart_village.world import live

K9 = moods.Bond(np.array([[0.5, 0.0], [0.6, 0.4]]), (1.0, 1.0))


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return list(make_records(VillageSettings(english=150, korean=50)))


@pytest.fixture(scope="module")
def stories() -> list[tuple[Account, Company]]:
    episodes = [live(2026, "en", index) for index in range(150)]
    return [
        (account_for(episode), gather(stream(2026, "en", index, "company"), "en", episode.situation))
        for index, episode in enumerate(episodes)
    ]


def numbers(record: Record, name: str) -> np.ndarray:
    return CATALOGUE[name].to_numbers(record.values[name], record.where).astype(float)


def test_names_of_acts_and_states_are_those_of_the_fields() -> None:
    assert CATALOGUE["payoffs"].labels == choice.STATE_NAMES
    assert CATALOGUE["act_regret"].labels == ACTS


def test_regrets_follow_from_the_records_own_payoffs(records: list[Record]) -> None:
    for record in records:
        u, p = numbers(record, "payoffs"), numbers(record, "state_probability")
        r = np.nanmax(u, axis=0) - u
        assert numbers(record, "act_regret") == pytest.approx(r @ p, abs=1e-5, nan_ok=True)
        assert numbers(record, "act_max_regret") == pytest.approx(r.max(1), abs=1e-5, nan_ok=True)


def test_acts_that_cannot_be_done_are_missing_everywhere_and_the_chosen_one_never_is(records: list[Record]) -> None:
    counts = set()
    for record in records:
        possible = ~np.isnan(numbers(record, "act_regret"))
        assert (~np.isnan(numbers(record, "payoffs")) == possible[:, None]).all()
        assert (~np.isnan(numbers(record, "act_max_regret")) == possible).all()
        assert possible[numbers(record, "chosen_act").argmax()]
        assert numbers(record, "choice_factors")[0] == pytest.approx((possible.sum() - 1) / 3, abs=1e-6)
        counts.add(int(possible.sum()))
    assert counts == {1, 2, 3, 4}


def test_regret_of_waiting_begins_lower_and_ends_higher_than_that_of_an_act(records: list[Record]) -> None:
    waited: list[np.ndarray] = []
    acted: list[np.ndarray] = []
    for record in records:
        regret = float(record.values["regret"])  # type: ignore[arg-type]
        if regret > 0.2:
            course = numbers(record, "regret_course") / regret
            assert (np.diff(course) < 0).all()
            (waited if record.values["chosen_act"]["wait"] else acted).append(course)  # type: ignore[index]
    assert np.mean(waited, 0)[0] < np.mean(acted, 0)[0]
    assert np.mean(waited, 0)[3] > 5 * np.mean(acted, 0)[3]


def test_regret_course_by_hand(stories: list[tuple[Account, Company]]) -> None:
    account = stories[0][0]
    pace = 0.7 + account.situation.pair.agent.haste
    weight, rate = (0.75, 0.05) if account.episode.chosen == "wait" else (1.0, 0.35)
    assert choice.regret_course(account, 0.5) == pytest.approx(
        {
            "day": 0.5 * weight * math.exp(-rate * pace / 365),
            "month": 0.5 * weight * math.exp(-rate * pace * 30 / 365),
            "year": 0.5 * weight * math.exp(-rate * pace),
            "decade": 0.5 * weight * math.exp(-rate * pace * 10),
        }
    )


def test_utility_in_context_is_the_formula_over_burdens_and_layers(stories: list[tuple[Account, Company]]) -> None:
    for account, company in stories:
        layers = context.context_layers(account, company)
        burdens = context.burdens(account)
        lots = account.chosen_lots
        net, gross = calculus.net_and_gross(lots, 0.02)
        side = 0.0625 * burdens["redistribution"] - 0.125 * burdens["external_cost"] - 0.0625 * burdens["self_damage"]
        value = (net + gross * side) * float(np.prod(list(layers.values())) ** (1 / 6))
        assert context.utility_in_context(account, tuple(layers.values())) == pytest.approx(value / (15 + abs(value)))
        assert all(0.3 <= layer <= 2.5 for layer in layers.values())


def test_value_by_a_horizon_is_the_discounted_integral_up_to_it(stories: list[tuple[Account, Company]]) -> None:
    for account, company in stories[:8]:
        layers = tuple(context.context_layers(account, company).values())
        burdens = context.burdens(account)
        side = 0.0625 * burdens["redistribution"] - 0.125 * burdens["external_cost"] - 0.0625 * burdens["self_damage"]
        found = context.utility_horizons(account, layers)
        for days in (1, 30, 730):
            net = gross = 0.0
            for lot in account.chosen_lots:
                end = min(lot.delay_days + lot.days, days)
                k = quad(lambda x: math.exp(-0.02 * x), lot.delay_days, end)[0] if end > lot.delay_days else 0.0
                value = lot.sign * lot.persons * lot.intensity * lot.certainty * k * (lot.fecundity + lot.purity)
                net, gross = net + value, gross + abs(value)
            value = (net + gross * side) * calculus.context_factor(layers)
            assert found[f"day_{days}"] == pytest.approx(value / (15 + abs(value)), abs=1e-9)


def test_by_the_last_horizon_nearly_all_has_come(stories: list[tuple[Account, Company]]) -> None:
    for account, company in stories:
        layers = tuple(context.context_layers(account, company).values())
        last = context.utility_horizons(account, layers)["day_730"]
        assert last == pytest.approx(context.utility_in_context(account, layers), abs=1e-6)


def test_transfer_entropy_is_the_closed_form() -> None:
    assert moods.transfer(K9) == pytest.approx({"agent_to_other": 0.180946929907, "other_to_agent": 0.0}, abs=1e-9)
    assert K9.stationary == pytest.approx(np.array([[4 / 3, 0.5], [0.5, 43 / 21]]))


def test_bonds_are_stable_and_their_covariance_is_the_lyapunov_solution(
    stories: list[tuple[Account, Company]],
) -> None:
    for account, company in stories:
        bond = moods.bond_of(account.situation.pair, company)
        assert np.abs(np.linalg.eigvals(bond.transition)).max() < 0.96
        noise = np.diag(np.square(bond.spread))
        assert bond.stationary == pytest.approx(solve_discrete_lyapunov(bond.transition, noise))


def test_strangers_transfer_less_than_those_who_care(stories: list[tuple[Account, Company]]) -> None:
    bonds = [(account.situation.pair, moods.bond_of(account.situation.pair, company)) for account, company in stories]
    close = [moods.transfer(bond)["agent_to_other"] for pair, bond in bonds if pair.closeness * pair.other.care > 0.5]
    apart = [moods.transfer(bond)["agent_to_other"] for pair, bond in bonds if pair.relation == "stranger"]
    assert np.median(close) > 10 * np.median(apart)


def test_logs_follow_their_bond() -> None:
    days = np.array([moods.log_of(K9, stream(0, "en", index, "test")) for index in range(400)])
    assert days.shape == (400, 64, 2)
    for day in (0, 63):
        assert np.cov(days[:, day].T) == pytest.approx(K9.stationary, abs=0.35)
    past, now = days[:, :-1].reshape(-1, 2), days[:, 1:].reshape(-1, 2)
    transition = np.linalg.lstsq(past, now, rcond=None)[0].T
    assert transition == pytest.approx(K9.transition, abs=0.03)
    assert (now - past @ transition.T).std(0) == pytest.approx([1.0, 1.0], abs=0.03)
