"""Words of danger that sports, pictures and sayings share are acute where somebody is in danger, and not elsewhere."""

from __future__ import annotations

import pytest

from redheart_core.safety.signs import search_text

HARMLESS = [
    "That was the best free throw shooting ive ever seen, my God.",
    "He is shooting 45% from three this season and I love it.",
    "Their shooting was awful today, we lost by thirty.",
    "She shot the wedding with two cameras and I edited it.",
    "My brother shot this portrait of me in the rain.",
    "He shot a 74 on Sunday.",
    "I was shot in black and white for the cover.",
    "My confidence is shot since the interview.",
    "She shot me a look across the table.",
    "He shot down my idea and now I am sulking.",
    "They stabbed me in the back and then asked for a reference.",
    "We were shooting the last scene when my phone rang.",
    "This cake is the bomb, I want another slice.",
    "I bombed the exam, it was a bomb of a week and my notes were useless.",
    "He's hitting everything from the corner tonight.",
    "My dad is beating the eggs while I grease the tin.",
    "The grief is hitting me right now.",
    "This heat is killing me right now.",
    "My back is killing me right now.",
    "These prices will kill us all.",
    "The market is about to jump.",
    "The horse was ready to jump.",
    "I'm about to jump off the diving board.",
    "I'm about to jump off this call.",
    "I think I overdosed on chocolate.",
    "I took too many risks and I'm sorry.",
    "You are not responding to my point and I am bored.",
    "I'm drowning in homework.",
    "The clock was on the stroke of noon and my train left.",
    "He had a heart attack when he saw my electricity bill.",
    "I can't speak for him, but they're probably right.",
    "I can't talk to my parents about money because they are strict.",
    "I will call the police if you don't stop parking there.",
    "Not even with a gun to my head would I eat that.",
    "Someone is incredibly proud and I am not.",
    "He's in Spain and I've got his key.",
    "He said he's bringing in somewhere around ten thousand, not two.",
    "They can't control the kids in that restaurant.",
    "양심에 찔렸다.",
    "시험 공부하느라 도서관에 갇혀 있어요.",
    "돈이 전부 주식에 묶여 있어요.",
    "감옥에 갇혀 있어야 할 사람이에요.",
    "개인적인 질문을 해도 될까요?",
    "척추 지압사한테 다녀왔어요.",
    "방금 공황 발작이 있었어요.",
    "책임 의식이 없는 사람이에요.",
    "지금 버스를 기다리고 있어요.",
    "지금 따라 해 보세요.",
    "지금 마약 김밥을 먹고 있어요.",
    "비타민은 약 20개 들어 있는 걸로 먹어요.",
    "설명을 찾으러 왔습니다.",
    "동맥 경화에 좋은 음식이에요.",
    "무릎 경련 방지 크림을 샀어요.",
    "지금 떨어져 있는 값이 싸요.",
    "지금 뛰어갈게요. 버스 오네요!",
    "경찰 드라마를 빨리 보고 싶어요.",
    "에어팟이 세탁기에서 익사했어요.",
]
HIGH = 1000.0
"""A score of vectors that leaves no doubt."""
DANGER = [
    "Someone is shooting, we're in the storeroom.",
    "There's a shooter at my school, please hurry.",
    "There is a man shooting at people on the street.",
    "I hear gunshots outside.",
    "He's shooting at us.",
    "We're hiding under the desks, there was shooting in the hall.",
    "I've been shot.",
    "I've been stabbed in the leg.",
    "My brother has been shot, there's blood.",
    "She stabbed him and he's on the floor.",
    "My husband shot me.",
    "He shot up and his lips are blue.",
    "My dad is beating my mum.",
    "He is hitting me right now.",
    "They are kicking him right now.",
    "My boyfriend is killing me, help",
    "My son is smashing everything.",
    "He says he'll kill us all.",
    "I'm about to jump.",
    "I'm about to jump off the bridge.",
    "About to jump",
    "On the bridge, about to jump.",
    "I'm about to jump off the boat.",
    "My exam score came back and I want to kill myself tonight.",
    "I let the goal in, I played so badly in the penalty shootout, and I am going to kill myself tonight.",
    "My friend overdosed.",
    "I took too many.",
    "I took too many pills.",
    "He's not responding, help me.",
    "My sister is drowning, help.",
    "I think my dad is having a stroke.",
    "She's having a seizure and it won't stop.",
    "I can't talk, he's in the next room.",
    "Call the police, my husband has a knife.",
    "I need someone to call an ambulance now.",
    "He's holding a gun to my head.",
    "There's a man in my house and I'm alone.",
    "He's outside my bedroom door with a knife.",
    "Someone is in our garden and I'm scared.",
    "I can't control myself, I'm going to hurt my baby.",
    "칼에 찔렸어요.",
    "배를 찔렸어요. 피가 나요.",
    "지하실에 갇혔어요.",
    "방에 갇혀 있어요. 못 나가요.",
    "손이 묶여 있어요.",
    "인질로 잡혀 있어요.",
    "모르는 사람한테 납치됐어요.",
    "동생이 경련을 해요.",
    "아버지가 발작을 하는데 안 멈춰요.",
    "엄마가 의식이 없어요.",
    "지금 다리 난간에 있어요.",
    "지금 누가 따라와요.",
    "지금 약을 먹었어요. 다 먹었어요.",
    "수면제 30알을 한꺼번에 먹었어요.",
    "나를 찾으러 왔어요. 문 앞에 있어요.",
    "손목 동맥을 그었어요.",
    "지금 뛰어내릴 거예요.",
    "경찰 좀 불러 주세요.",
    "집에서 총소리가 들려요.",
    "친구가 총에 맞았어요.",
]


def acute(text: str) -> bool:
    """Whether rules find an acute sign, where no other voter speaks against it."""
    return any(sign.acute for sign in search_text(text).signs(HIGH))


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_said_of_sports_pictures_and_ordinary_days_is_not_acute(text: str) -> None:
    assert not acute(text)


@pytest.mark.parametrize("text", DANGER)
def test_danger_in_the_same_words_is_acute(text: str) -> None:
    assert acute(text)
