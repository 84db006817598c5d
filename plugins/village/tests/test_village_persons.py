"""Persons: what they feel before and after, what the past leaves, the self in another's place, the community."""

import math

import attrs
import numpy as np
import pytest

from redheart_core import AFFECT, Record
from redheart_village import affect, company, feelings, labels
from redheart_village.account import Account, Hedons, account_for
from redheart_village.appraisal import Appraisal, appraise
from redheart_village.company import MANNERS, Company, Member, gather
from redheart_village.past import CARRY, RUMINATION, Past, lasting, look_at, past_of
from redheart_village.people import Person
from redheart_village.records import make_records
from redheart_village.settings import VillageSettings
from redheart_village.streams import stream
from redheart_village.triple import triple
from redheart_village.world import live

SETTINGS = VillageSettings(english=150, korean=150)
VIEW = Appraisal(gain=0.0, loss=0.5, certainty=1.0, unexpected=0.5, blame=0.5, by_other=1.0, norm=-0.8, closeness=0.5)
CALM = Member(
    person=Person(gender="male", needs={}, care=0.5, conscience=0.5, haste=0.325),
    closeness=0.5,
    culture="western",
    status=0.5,
    influence=0.5,
    expressiveness=1.0,
    optimism=0.0,
    poise=0.0,
    curiosity=0.0,
)


@attrs.frozen
class Story:
    """One record's persons."""

    account: Account
    company: Company
    past: Past
    feelings: feelings.Feelings


def story(index: int, language: str = "en", seed: int = 2026) -> Story:
    account = account_for(live(seed, language, index))
    people = gather(stream(seed, language, index, "company"), language, account.situation)
    past = past_of(seed, language, index, people.actor)
    felt = feelings.feel(account, people, past.mood, stream(seed, language, index, "others"))
    return Story(account, people, past, felt)


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return list(make_records(SETTINGS))


@pytest.fixture(scope="module")
def stories() -> list[Story]:
    return [story(index) for index in range(150)]


def column(records: list[Record], name: str, label: str) -> np.ndarray:
    return np.array([record.values[name][label] for record in records])  # type: ignore[index]


def test_what_one_who_is_wronged_feels_by_hand() -> None:
    expected = {
        "valence": math.tanh(-0.75 - 0.5 * 0.8 * 0.75 + 0.6 * 0.2),
        "arousal": math.tanh(0.6 + 0.4 + 0.32 - 0.6),
        "dominance": math.tanh(-0.4 + 0.25 - 0.5 - 0.15),
        "certainty": math.tanh(0.7),
        "surprise": math.tanh(0.4),
        "anticipation": math.tanh(-0.25 - 0.3),
    }
    assert dict(zip(AFFECT, affect.felt(VIEW, CALM, 0.2), strict=True)) == pytest.approx(expected)


def test_a_person_moves_part_of_the_way_by_the_size_of_the_event_by_hand() -> None:
    assert affect.impact(VIEW) == pytest.approx(0.25 + 0.65 * (1 - math.exp(-1.5 * (0.5 + 0.4 + 0.2))))
    assert affect.moved((0.0, 1.0), (1.0, 0.5), 0.25) == (0.25, 0.875)


def test_a_calm_person_rests_in_the_middle() -> None:
    assert affect.rest(CALM) == pytest.approx((0.0, 0.0, 0.0, 0.005, -0.3, 0.0))


def test_certainty_of_affect_tells_known_from_open_outcomes(stories: list[Story]) -> None:
    for one in stories:
        known = one.account.episode.known
        assert (one.feelings.actor_view.certainty == 1.0) >= known
        assert (one.feelings.actor_view.unexpected == 0.0) >= (not known)


def test_view_of_the_focus_person_is_the_one_that_the_emotions_come_from(stories: list[Story]) -> None:
    for one in stories:
        views = {"agent": one.feelings.actor_view, "other": one.feelings.other_view}
        assert views[one.account.episode.focus] == appraise(one.account)


def test_after_is_before_moved_towards_the_feeling(stories: list[Story]) -> None:
    for one in stories:
        view, actor, pair = one.feelings.actor_view, one.company.actor, one.account.situation.pair
        fate = one.feelings.other_view.gain - one.feelings.other_view.loss
        feeling = affect.felt(view, actor, pair.agent.care * pair.closeness * fate)
        share = affect.impact(view)
        expected = [(1 - share) * old + share * new for old, new in zip(one.past.mood, feeling, strict=True)]
        assert one.feelings.actor_after == pytest.approx(expected)


def test_somebody_of_the_crowd_fares_as_one_of_its_number() -> None:
    hedons: Hedons = [("agent", 4.0), ("crowd", -30.0)]
    assert feelings.crowd_score(hedons, 5, 0.5) == pytest.approx(-6 / 12)
    needy = -6 * (0.35 + 0.65) / (0.35 + 0.325)
    assert feelings.crowd_score(hedons, 5, 1.0) == pytest.approx(needy / (6 - needy))
    assert feelings.crowd_score([("agent", 4.0)], 0, 1.0) == 0.0


def test_moods_of_those_who_are_close_have_rubbed_off_before_the_event() -> None:
    lifted, caught = [], []
    for one in (story(index) for index in range(300)):
        other = one.company.others[0]
        if other.closeness >= 0.8:
            lifted.append(one.past.mood[0] - affect.rest(one.company.actor)[0])
            caught.append(one.feelings.others_before[0][0] - affect.rest(other)[0])
    assert np.polyfit(lifted, caught, 1)[0] == pytest.approx(0.3, abs=0.15)


def test_companies_have_one_to_five_others_and_crowds_are_not_outnumbered(stories: list[Story]) -> None:
    sizes = {len(one.company.others) for one in stories}
    assert sizes == {1, 2, 3, 4, 5}
    for one in stories:
        crowd = one.account.situation.crowd
        assert len(one.company.others) - 1 <= (crowd or 2)
        assert one.company.others[0].person is one.account.situation.pair.other


def test_rows_of_others_belong_together(records: list[Record]) -> None:
    for record in records:
        names = ("others_before", "others_after", "others_traits", "others_culture")
        assert len({len(record.values[name]) for name in names}) == 1  # type: ignore[arg-type]


def test_cultures_follow_the_language_and_distances_are_symmetric(records: list[Record]) -> None:
    def korean(language: str) -> float:
        rows = [row for record in records if record.language == language for row in record.values["others_culture"]]  # type: ignore[attr-defined]
        return float(np.mean([row["korean"] for row in rows]))

    assert korean("ko") > korean("en") + 0.3
    for one in company.CULTURES:
        assert company.distance(one, one) == 0.0
        for other in company.CULTURES:
            assert company.distance(one, other) == company.distance(other, one) <= 1.0


def test_similarity_is_one_with_oneself_and_less_with_others(stories: list[Story]) -> None:
    for one in stories:
        agent, other = one.account.situation.pair.agent, one.account.situation.pair.other
        assert company.similarity(one.account.situation, agent, agent) == 1.0
        assert 0.0 <= company.similarity(one.account.situation, agent, other) < 1.0


def test_look_at_a_known_episode_is_that_of_the_full_account() -> None:
    known = 0
    for index in range(200):
        episode = attrs.evolve(live(3, "ko", index), known=True, focus="agent")
        account = account_for(episode)
        look = look_at(episode)
        wanted = appraise(account)
        assert attrs.astuple(look.appraisal) == pytest.approx(attrs.astuple(wanted), abs=1e-12)
        assert look.regret == pytest.approx(labels.regret(account), abs=1e-12)
        assert look.utility == pytest.approx(labels.utility(account), abs=1e-12)
        known += 1
    assert known == 200


def test_a_past_is_one_persons_and_ends_where_the_record_begins(stories: list[Story]) -> None:
    lengths = set()
    for one in stories:
        lengths.add(len(one.past.memories))
        assert all(memory.episode.situation.pair.agent is one.company.actor.person for memory in one.past.memories)
        home, last = affect.rest(one.company.actor), one.past.memories[-1]
        brooding = 0.0
        for memory in one.past.memories:
            brooding = 0.7 * brooding + 0.3 * memory.regret * (0.5 + one.company.actor.person.conscience)
        left = [
            base + CARRY * (value - base) + weight * brooding
            for base, value, weight in zip(home, last.after, RUMINATION, strict=True)
        ]
        gaps = np.array(one.past.mood) - np.clip(left, -1, 1)
        assert np.abs(gaps).max() < 5 * 0.05
    assert lengths == set(range(2, 9))


def test_brooding_lowers_valence_and_the_rest_of_a_mood_fades_by_hand() -> None:
    left = lasting((0.1, 0.0, 0.0, 0.0, 0.0, 0.0), (0.6, 0.5, 0.0, 0.0, -1.0, 0.0), 0.4)
    assert left == pytest.approx((0.1 + 0.225 - 0.24, 0.225 + 0.12, -0.16, -0.16, -0.45, -0.08))


def test_history_foretells_the_mood_and_more_of_it_foretells_it_better() -> None:
    rows, moods = [], []
    for index in range(600):
        people = gather(stream(9, "en", index, "company"), "en", live(9, "en", index).situation)
        past = past_of(9, "en", index, people.actor)
        if len(past.memories) >= 4:
            rows.append([memory.after[0] for memory in past.memories[-4:]] + [past.memories[-1].regret])
            moods.append(past.mood[0])
    y = np.array(moods)

    def explained(x: np.ndarray) -> float:
        x = np.column_stack([x, np.ones(len(x))])
        residual = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
        return float(1 - residual.var() / y.var())

    last = explained(np.array(rows)[:, 3:4])
    every = explained(np.array(rows))
    assert last > 0.5
    assert every > last + 0.05


def test_projection_into_the_place_of_ones_double_is_scaled_by_familiarity_alone(stories: list[Story]) -> None:
    for one in stories[:40]:
        actor = one.company.actor
        double = Company(actor, (actor, *one.company.others[1:]))
        there = affect.moved(
            one.past.mood, affect.felt(one.feelings.other_view, actor, 0.0), affect.impact(one.feelings.other_view)
        )
        seen = feelings.projection(one.account, double, one.feelings)
        assert seen[0] == pytest.approx(math.tanh(there[0] + 0.3 * actor.optimism))
        assert seen[1] == pytest.approx(np.clip(there[1] * (0.7 + 0.6 * one.account.situation.stakes), -1, 1))
        assert seen[2:] == pytest.approx(np.clip((0.8 + 0.5 * actor.closeness) * np.array(there[2:]), -1, 1))


def test_projection_shrinks_with_cultural_distance(stories: list[Story]) -> None:
    one = stories[0]
    near = attrs.evolve(one.company.others[0], culture=one.company.actor.culture)
    far = attrs.evolve(near, culture="korean" if near.culture == "western" else "western")
    sizes = [
        np.abs(feelings.projection(one.account, Company(one.company.actor, (other,)), one.feelings)[2:])
        for other in (near, far)
    ]
    distance = company.distance(near.culture, far.culture)
    assert sizes[1] == pytest.approx(sizes[0] * (1 - 0.3 * distance))


def test_what_shows_of_an_affect_by_hand() -> None:
    korean = attrs.evolve(CALM, culture="korean", expressiveness=0.5)
    assert MANNERS["korean"] == company.Manners(0.7, 0.9, 0.8)
    size = 0.8 * (1 - 0.3 * 0.8)
    assert feelings.show((1.0, -1.0, 1.0, 0.5, 0.0, -0.5), korean) == pytest.approx(
        (size * 0.65, -size * 0.65, size * 0.73, size * 0.5, 0.0, -size * 0.5)
    )


def test_community_is_the_weighted_mean_with_the_leaders_share_by_hand(stories: list[Story]) -> None:
    chief = attrs.evolve(CALM, status=1.0, influence=0.5)
    low = attrs.evolve(CALM, status=0.25, influence=0.25)
    felt = attrs.evolve(
        stories[0].feelings, actor_after=(0.0, 0.0, 0.0, 0.0, 0.0, 0.0), others_after=((1.0, 1.0, 1.0, 1.0, 1.0, 1.0),)
    )
    share = 0.7 * 1.5 / 2.0 + 0.3
    shown = 1 - 0.3 * 0.2
    assert feelings.community(Company(low, (chief,)), felt) == pytest.approx(
        (
            share * shown * (1 - 0.5 * 0.3),
            share * shown * (1 - 0.5 * 0.3),
            share * shown * (1 - 0.3 * 0.4),
            *[share * shown] * 3,
        )
    )
    assert feelings.community(Company(chief, (low,)), felt)[3] == pytest.approx(0.7 * 0.25 * shown)


def test_community_does_not_depend_on_the_order_of_the_others(stories: list[Story]) -> None:
    for one in stories:
        turned = Company(one.company.actor, one.company.others[::-1])
        felt = attrs.evolve(one.feelings, others_after=one.feelings.others_after[::-1])
        assert feelings.community(turned, felt) == pytest.approx(feelings.community(one.company, one.feelings))


def test_triple_by_hand(stories: list[Story]) -> None:
    one = next(one for one in stories if one.account.episode.focus == "agent" and one.account.episode.chosen == "kind")
    pair, situation = one.account.situation.pair, one.account.situation
    norm = min(1.0, 0.7 + 0.2 * pair.promise)
    found = triple(one.account, one.company, one.past, attrs.evolve(VIEW, loss=0.4))
    jeong = 0.65 * pair.closeness + 0.35 * norm * (0.4 + 0.6 * pair.agent.care) + 0.1 * pair.promise
    assert found["jeong"] == pytest.approx(min(jeong, 1.0))
    endured = np.mean([max(-memory.after[0], 0.0) for memory in one.past.memories])
    grief = 0.4 * (0.3 + 0.7 * (1 - math.exp(-situation.days / 30))) * 0.4 + 0.3 * endured
    assert found["han"] == pytest.approx(grief / (0.3 + grief))
    seen = float(one.account.episode.state.seen) if one.account.episode.known else situation.seen
    harmony = MANNERS[one.company.actor.culture].harmony
    face = (0.35 + 0.65 * harmony) * (0.2 + 0.8 * seen * norm) * (0.6 + 0.4 * one.company.actor.status)
    assert found["chemyeon"] == pytest.approx(face)


def test_jeong_is_a_bond_and_han_is_not_for_the_glad(records: list[Record]) -> None:
    traits = np.array([record.values["others_traits"][0]["closeness"] for record in records])  # type: ignore[index]
    assert np.corrcoef(traits, column(records, "culture", "jeong"))[0, 1] > 0.7
    assert np.corrcoef(column(records, "emotion", "joy"), column(records, "culture", "han"))[0, 1] < -0.2
