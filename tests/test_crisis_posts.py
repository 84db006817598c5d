"""Long posts tell of ordinary days in the words of the rules: these find who does what to whom, and nothing else."""

from __future__ import annotations

import pytest

from redheart_core.safety.signs import search_text

HARMLESS = [
    "My cousin is odd.",
    "I found it odd that nobody asked.",
    "My neighbour works odd hours and I water his plants.",
    "I have asked them not to smoke near the door because I can't stand it.",
    "They only smoke outside, with the window shut.",
    "We went out for pancakes and I paid.",
    "Then we crashed at her place and watched the game shows.",
    "She won't stop talking about the curtains.",
    "The way he said it rubbed me the wrong way.",
    "The guy behind me in the queue sighed loudly.",
    "There was a car behind me, so I could not turn.",
    "I asked my aunt to help me now that I have two jobs.",
    "Can someone help me understand what she wants?",
    "Am I wrong if I do not pay for the second ticket?",
    "He had a bottle of lemonade with him and I asked for a sip.",
    "I broke down in front of the whole class.",
    "She's not moving back until the spring, and I have her key.",
    "I was drowning in chores while he played cards.",
    "I understand where she is coming from, and it hurt.",
    "He knocked on our door at nine and yelled that the music was too loud.",
    "I do not want my sister to think that I'd be mad, so would you say it?",
    "He says he won't be able to come on Sunday.",
    "Of course my aunt is travelling and will not be here for the cake.",
    "She said that she would not do it because she has no licence.",
    "He wants to do it his way.",
    "There is no reason for me to bring a second salad.",
    "My flatmate does not live far from the station.",
    "I'd rather not be the one who tells her.",
    "I do not try to make him stop being a vegetarian.",
    "I decided to stop being friends with him.",
    "I do not want to live with my brother next year.",
    "I don't see a reason to tip him.",
    "He was two hours late, so I ended it over the phone.",
    "I think I should end it with her before the holidays.",
    "My bike has four thousand kms on it.",
    "I asked my uncle to take me home.",
    "I thought they were hanging out without telling us.",
    "In the last message she wrote to me, I was called a snob.",
    "They went to the lake without me.",
    "I told her that I can't come on Friday.",
    "I left without saying goodbye.",
    "I do not want to be around his cousins at Easter.",
    "This would not be a problem if they did not live above us.",
    "We're not allowed to bring dogs into the office.",
    "I tidied his desk without his permission.",
    "The noise next door keeps me up all night.",
    "My mother forced me to get a haircut.",
    "She kicked me out of the group chat.",
    "I went in while he parked, because I have hurt my ankle.",
    "And then Mark starts to laugh, and I look at him.",
    "When he is home, I work in the other room.",
    "My ex kept the sofa and said no, so I said stop calling.",
    "He hurt me with that remark.",
    "She has been pushing me to apply for the job.",
    "My brother keeps shaking his cereal box at breakfast.",
    "He kicked him off the team and I said so.",
    "It was not her fault, and I told him that his ankle still hurts.",
]
CRISES = {
    "self_harm": [
        "I want to die.",
        "I've decided to end my life.",
        "I tried to kill myself in May and nobody knows.",
        "I don't want to live any more.",
        "I don't want to wake up tomorrow.",
        "There is no reason for me to go on living.",
        "I wish I could stop existing.",
        "I'm planning my own suicide between two shifts.",
        "I keep having suicidal thoughts at night.",
        "They would be better off without me.",
        "If I disappeared, nobody would call.",
        "Sell my guitar when I'm gone.",
        "I want to kms every single day.",
        "I can't stop thinking about hanging myself.",
        "My head keeps telling me to jump.",
        "Tell my parents that I'm sorry.",
        "I will not be a burden for anybody much longer.",
        "Would she be the one to find me? I hope it's not the one to find me who loves me.",
    ],
    "abuse": [
        "My husband hits me when dinner is late.",
        "He choked me on Saturday.",
        "My mum beats me with a cable.",
        "My uncle touches me when we are alone.",
        "My stepdad hurts me when the others are asleep.",
        "He kicked me in the stomach.",
        "My girlfriend pushed me down the stairs.",
        "My family wants to force me to marry a stranger.",
        "I'm not allowed to leave the house without his permission.",
        "I am not allowed out after six.",
        "He locks me in when he goes to work.",
        "My carer shuts me in the cellar.",
        "My boss put his hand up my skirt.",
        "I was raped on Friday.",
        "Somebody made fake nudes of me.",
        "I keep the kids quiet when he is home because I know what happens otherwise.",
    ],
    "danger": [
        "My brother has a knife and he's coming up the stairs.",
        "There's smoke under the door and we can't get out.",
        "Help me, he is in the house.",
        "Please help, he won't let me go.",
        "He won't stop the car and he won't tell me where we're going.",
        "The taxi driver locked the doors.",
        "A man has been behind me since the station.",
        "Someone is following me home.",
        "Our car went into the river and it's filling with water.",
        "My friend overdosed and I can't wake her up.",
        "I took all my pills an hour ago.",
        "My grandad isn't breathing.",
        "Dad collapsed and he's not moving.",
        "I mixed gin and my meds and I can't move my legs.",
        "They'll shoot me if I don't pay.",
        "Someone is trying to break into my house.",
        "My ex is outside my door with a bat.",
    ],
    "worry": [
        "My friend says she wants to die.",
        "My son told me that he has no reason to live.",
        "My flatmate keeps talking about suicide.",
        "My dad said that we would be better off without him.",
        "My sister is going to do something to her baby.",
        "A boy in our street has burns on his hands.",
        "My neighbour beats his wife.",
        "My niece told me that her stepfather touches her.",
        "Please don't leave her alone with her suicidal thoughts.",
    ],
}
HIGH = 1000.0
"""A score of vectors that leaves no doubt, so that no sign of a rule is taken back."""


def kinds(text: str) -> set[str]:
    """Those that rules find."""
    return {sign.kind for sign in search_text(text).signs(HIGH) if not sign.unforeseen}


@pytest.mark.parametrize("text", HARMLESS)
def test_rules_find_no_sign_in_what_a_quarrel_is_about(text: str) -> None:
    assert kinds(text) == set()


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in CRISES.items() for text in texts])
def test_the_same_words_are_a_sign_where_they_say_a_danger(kind: str, text: str) -> None:
    assert kind in kinds(text)
