"""The Korean wording, in plain narrative style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import attrs

from redheart_village.facts_ko import FACTS_KO
from redheart_village.land_ko import LAND_KO
from redheart_village.people import Gender, Relation
from redheart_village.phrases import Wording
from redheart_village.town_ko import TOWN_KO

_PAIRS: Mapping[str, tuple[str, str]] = {
    "은": ("은", "는"),
    "이": ("이", "가"),
    "을": ("을", "를"),
    "과": ("과", "와"),
    "의": ("의", "의"),
    "에게": ("에게", "에게"),
    "": ("", ""),
}
"""Particle after a final consonant and after a vowel."""

_SELF: Mapping[str, str] = {
    "은": "나는",
    "이": "내가",
    "을": "나를",
    "과": "나와",
    "의": "내",
    "에게": "나에게",
    "": "나",
}


def ends_in_consonant(word: str) -> bool:
    """Whether the last Hangul syllable has a final consonant."""
    return (ord(word[-1]) - 0xAC00) % 28 != 0


def with_particle(word: str, particle: str) -> str:
    """The word with 은, 이, 을 or 과 in the form that its last syllable asks for."""
    after_consonant, after_vowel = _PAIRS[particle]
    return word + (after_consonant if ends_in_consonant(word) else after_vowel)


@attrs.frozen
class KoreanMention:
    """A person in a Korean text; the format spec is a particle in its form after a consonant."""

    name: str | None
    """None is the one who tells."""
    gender: Gender

    def __format__(self, spec: str) -> str:
        return _SELF[spec] if self.name is None else with_particle(self.name, spec)


_ROLES: Mapping[Relation, Mapping[Gender, str]] = {
    "child": {"female": "딸", "male": "아들"},
    "spouse": {"female": "아내", "male": "남편"},
    "friend": {"female": "친구", "male": "친구"},
    "cousin": {"female": "사촌", "male": "사촌"},
    "neighbour": {"female": "이웃", "male": "이웃"},
    "rival": {"female": "경쟁자", "male": "경쟁자"},
}
_PARENT: Mapping[Gender, str] = {"female": "어머니", "male": "아버지"}


def relation(kind: Relation, agent: Gender, other: Gender, teller: Literal["agent", "other"] | None) -> str:
    """A clause on what the other is to the agent, from the teller's side."""
    if kind == "stranger":
        return "{A:은} {O:을} 잘 알지 못했다"
    if teller == "other":
        role = _PARENT[agent] if kind == "child" else _ROLES[kind][agent]
        return "{A:은} {O:의} " + _was(role)
    return "{O:은} {A:의} " + _was(_ROLES[kind][other])


def _was(role: str) -> str:
    return role + ("이었다" if ends_in_consonant(role) else "였다")


def join_options(options: Sequence[str]) -> str:
    """Adnominal forms as a list that goes on with 수도."""
    return " 수도, ".join(options)


def join_clauses(first: str, second: str) -> str:
    """Two clauses in one sentence; the first is in its connective form."""
    return f"{first} {second}"


KOREAN = Wording(
    language="ko",
    names={
        "female": (
            *("서연", "민지", "지우", "하은", "수아", "은서", "예린", "다인", "유나", "소희", "미라", "정아"),
            *("혜진", "가영", "나래", "보람", "세영", "은주", "인선", "주희", "채원", "태희", "하나", "현정"),
        ),
        "male": (
            *("민준", "도윤", "준호", "현우", "태오", "지훈", "성민", "건우", "동수", "영호", "재혁", "승기"),
            *("상철", "우진", "정수", "기태", "병호", "한결", "윤재", "대성", "경수", "진규", "만석", "형도"),
        ),
    },
    mention=KoreanMention,
    matters={**LAND_KO, **TOWN_KO},
    openings=(
        "그해의 일이다. {problem}",
        "아직 동이 트기 전이었다. {problem}",
        "{F:이} 광장에 나가 보니 {problem}",
        "화요일이었다. {problem}",
        "{F:은} 지금도 그때를 기억한다. {problem}",
        "윗마을 이야기다. {problem}",
        "어느 저녁 {F:은} 소식을 들었다. {problem}",
        "{F:이} 알기로는 {problem}",
        "흐린 아침이었고, {problem}",
        "종이 울린 뒤 {F:은} 사정을 알게 되었다. {problem}",
        "그 무렵의 일이다. {problem}",
        "{F:이} 막 잠에서 깼을 때 {problem}",
    ),
    relation=relation,
    promise=(
        "{A:은} 이 일에서 {O:을} 돕겠다고 약속한 터였다",
        "{A:은} {O:에게} 이미 다짐을 해 두었다",
        "봄에 {A:이} {O:에게} 한 약속이 있었다",
        "{O:은} {A:의} 맹세를 믿고 있었다",
    ),
    facts=FACTS_KO,
    choices=(
        "{A:은} {options} 수도 있었다",
        "{options} 수도 있는 일이었다",
        "{A:은} {options} 수도 있겠다고 생각했다",
        "사람들은 {options} 수도 있다고 했다",
        "다른 사람이라면 {options} 수도 있었을 것이다",
        "생각해 보면 {options} 수도 있었다",
        "물론 {options} 수도 있기는 했다",
    ),
    no_choice=(
        "다른 길은 없었다",
        "{A:에게} 달리 할 수 있는 일은 보이지 않았다",
        "고를 수 있는 처지가 아니었다",
        "열린 길은 하나뿐이었다",
    ),
    barred=(
        "{option} 형편은 아니었다",
        "{A:은} {option} 처지가 못 되었다",
        "{option} 길은 막혀 있었다",
        "이제 와서 {option} 수는 없었다",
    ),
    decisions=(
        "결국 {A:은} {done}",
        "{A:은} {done}",
        "고민 끝에 {A:은} {done}",
        "그래서 {A:은} {done}",
        "밤새 뒤척인 {A:은} 이튿날 {done}",
        "망설이던 {A:은} 마침내 {done}",
        "{A:은} 별말 없이 {done}",
        "{A:은} {act} 마음을 먹었고, 정말로 그렇게 했다",
    ),
    outcomes=(
        "{luck} {result}",
        "그 뒤 {luck}, {result}",
        "알고 보니 {luck}, 얼마 안 가 {result}",
        "{luck_end}. 그렇게 {result}",
        "{luck_end}. 그리하여 {result}",
        "이윽고 {luck} {result}",
    ),
    outcomes_against=(
        "{luck_end}. 하지만 {result}",
        "{luck_end}. 그런데도 {result}",
        "{luck_end}. 그럼에도 {result}",
        "{luck_end}. 그러나 {result}",
    ),
    open_ends=(
        "어떻게 끝났는지는 아직 말할 수 없다",
        "아직까지 아무 결과도 나오지 않았다",
        "{F:은} 여전히 소식을 기다리고 있다",
        "답은 아직 오지 않았다",
        "그 일이 어찌 될지는 오늘까지도 알 수 없다",
        "아직 아무것도 정해지지 않았다",
        "{F:은} 결말을 아직 모른다",
        "모든 것이 아직 안갯속이다",
    ),
    seen=(
        "이웃 하나가 그것을 다 보았다",
        "저녁 무렵에는 {A:이} 한 일이 입에 오르내렸다",
        "아이 둘이 담장 위에서 지켜보고 있었다",
        "{A:이} 한 일은 우물가의 이야깃거리가 되었다",
        "그 일은 남의 눈을 피하지 못했다",
        "마침 신부님이 그 앞을 지나갔다",
    ),
    unseen=(
        "보고 있던 사람은 아무도 없었다",
        "그 일을 묻는 사람은 끝내 없었다",
        "{A:이} 한 일을 아는 이는 없었다",
        "그 일은 드러나지 않았다",
        "그 시각 골목은 텅 비어 있었다",
        "목격자는 없었다",
    ),
    own_doing=(
        "그것은 {F:이} 스스로 한 일이었다",
        "{F:은} 누구를 탓할 수도, 누구 덕이라 할 수도 없었다",
        "{F:이} 혼자 정한 일이었다",
        "모든 것은 {F:의} 손에 달려 있었다",
    ),
    not_asked=(
        "아무도 {F:의} 뜻을 묻지 않았다",
        "{F:은} 그저 지켜볼 수밖에 없었다",
        "{F:의} 생각은 아무 소용이 없었다",
        "{F:은} 나중에야 그 일을 들었다",
    ),
    wiser=(
        "돌이켜 보면 {option} 것을 그랬다",
        "이제는 다들 그때 {option} 걸 그랬다고 말한다",
        "그때 {option} 것을 하는 아쉬움이 남았다",
        "지금 와서 보면 {option} 수도 있었는데 아쉬운 일이다",
    ),
    content=(
        "돌이켜 보아도 더 나은 길은 없었다",
        "그 뒤로 더 나은 길을 말한 사람은 없었다",
        "다시 고른다 해도 {A:은} 똑같이 할 것이다",
        "할 수 있는 만큼은 다 된 셈이었다",
    ),
    cues={
        "joy": (
            "{F:은} 집에 오는 내내 콧노래를 불렀다",
            "{F:은} 웃음을 참을 수가 없었다",
            "그날 저녁 {F:은} 좋은 술을 꺼냈다",
            "{F:은} 계단을 껑충껑충 뛰어 내려갔다",
            "{F:의} 눈이 반짝였다",
        ),
        "trust": (
            "그날 밤 {F:은} 문을 잠그지 않았다",
            "{F:은} 사람은 기댈 만한 존재라고 느꼈다",
            "{F:은} 고개를 끄덕이고 아무것도 묻지 않았다",
            "{F:은} 든든한 손에 맡긴 기분이었다",
            "{F:은} 남을 믿고 편히 잤다",
        ),
        "fear": (
            "{F:은} 뜬눈으로 누워 귀를 기울였다",
            "{F:의} 손이 가만히 있지 않았다",
            "{F:은} 길을 가며 자꾸 뒤를 돌아보았다",
            "문 두드리는 소리마다 {F:은} 움찔했다",
            "{F:은} 앞일을 생각할 엄두가 나지 않았다",
        ),
        "surprise": (
            "{F:은} 두 번이나 다시 읽어야 했다",
            "{F:은} 입을 벌린 채 서 있었다",
            "{F:이} 꿈에도 생각하지 못한 일이었다",
            "{F:은} 도무지 믿을 수가 없었다",
            "{F:은} 정말이냐고 다시 물었다",
        ),
        "sadness": (
            "{F:은} 오래도록 창가에 앉아 있었다",
            "그날 저녁 {F:은} 아무것도 먹지 않았다",
            "{F:은} 혼자 천천히 집으로 걸었다",
            "{F:은} 소리 없이 울었다",
            "{F:에게} 집이 텅 빈 것 같았다",
        ),
        "disgust": (
            "{F:은} 손을 두 번이나 씻었다",
            "{F:은} 생각만 해도 속이 메스꺼웠다",
            "{F:은} 고개를 돌리고 침을 뱉었다",
            "{F:의} 입안에 역겨운 맛이 남았다",
            "{F:은} 더는 눈 뜨고 볼 수가 없었다",
        ),
        "anger": (
            "{F:은} 문을 쾅 닫았다",
            "{F:은} 주먹을 불끈 쥐었다",
            "{F:은} 잔을 벽에 던졌다",
            "{F:은} 나직이 욕을 내뱉었다",
            "{F:의} 얼굴이 벌겋게 달아올랐다",
        ),
    },
    distractions=(
        "빵집 고양이는 내내 잠만 잤다",
        "그해에는 일식이 두 번 있었다",
        "어디선가 문이 덜컹거렸다",
        "방앗간 주인은 울타리를 파랗게 칠하고 있었다",
        "같은 날 우편 마차의 바퀴가 빠졌다",
        "읍사무소 처마 밑에는 제비가 둥지를 틀었다",
        "탑시계는 십 분쯤 늦게 갔다",
        "누군가 자두 떡을 찌고 있었다",
        "길모퉁이에서는 방물장수가 댕기를 팔고 있었다",
        "훈장은 또 감기에 걸렸다",
        "암탉 두 마리가 예배당 지붕에 올라갔다",
        "나중에 새 다리를 놓는다는 말이 나왔다",
        "주막 주인은 삼촌 이야기를 길게 늘어놓았다",
        "갓 벤 풀 냄새가 났다",
    ),
    join_options=join_options,
    join_clauses=join_clauses,
)
