"""Writes docs/transcript.md: what the shipped model prints for twelve texts, with what a reader thinks of each.

python docs/make_transcript.py VILLAGE_MODEL, where `redheart run` has made the village model.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from click.testing import CliRunner

from redheart_cli.main import cli

LONG = (
    "My father was ill for two years, and I drove to him every weekend. My sister came once. When he "
    "died she asked for "
    "the house. I said that she could have it, because I was too tired to fight. Now I am angry with "
    "her, and even more "
    "with myself. My wife says that I should have spoken up. I keep thinking of the evenings that I "
    "sat with him in the "
    "kitchen, and that nobody else will ever know how he laughed. I miss him."
)
VILLAGE = (
    "That year the village play was to be given on Sunday. There was a good deal to think about. It "
    "was going to happen "
    "at once, and it made little difference which way to go. I thought about it: to lend Felix the "
    "good violin or play "
    "the solo from memory. It was a thing between two people only, and it had two sides, sweet and "
    "bitter. So I played "
    "the solo from memory. To me the end of it is still unknown."
)
CASES: Sequence[tuple[str, Sequence[str], str]] = (
    (
        "English",
        ["analyze", "I am so angry that he lied to me again."],
        "Right and readable: anger, low valence, high arousal. What was measured on stories alone is named, "
        "and no number of it is shown.",
    ),
    (
        "Korean",
        ["analyze", "친구가 약속을 또 어겨서 정말 화가 나고 서운했다."],
        "Right: disappointed, sad and, less surely, angry, as a reader would say. Of KOTE's labels many stay open.",
    ),
    (
        "Ambiguous",
        ["analyze", "Well, that went exactly as everybody had expected."],
        "Doubtful. A reader may hear irony, the model hears joy and approval at about a half. Nothing on "
        "the page says that the sentence can be read in two ways.",
    ),
    (
        "Nonsense",
        ["analyze", "asdf qwer zxcv uiop hjkl"],
        "Right: nothing is answered. The distance is near its limit, so other nonsense may pass.",
    ),
    (
        "German",
        ["analyze", "Ich habe meinem Nachbarn die Wahrheit über den Zaun gesagt."],
        "Right: the language is named, and why each task is silent.",
    ),
    (
        "Crisis, English",
        ["analyze", "I can't go on any more and I want to die."],
        "Help stands first and alone, complete and in plain words.",
    ),
    (
        "Crisis, Korean",
        ["analyze", "더 이상 살고 싶지 않아요. 죽고 싶어요."],
        "Help stands first and alone, in Korean and with Korean numbers.",
    ),
    (
        "Long",
        ["analyze", LONG],
        "Anger is right, sadness is named only among what may be largest, and the stakes are read well. "
        "At high stakes little is sure enough to be shown.",
    ),
    (
        "A dilemma",
        ["decide", "telling my boss that the numbers are wrong", "keeping quiet about the wrong numbers at work"],
        "No order, as the acts are just beyond what the model of preferences learnt from: honest, and "
        "disappointing for an ordinary question; the page says what is not known and how to give it. What is said "
        "of the words does not help to choose.",
    ),
    (
        "A list of numbers",
        ["analyze", "12 440 98.5 -3 7e5 2026 11:45"],
        "Right: nothing is answered, and what would help is said.",
    ),
    (
        "HTML",
        ["analyze", "<p>I was <b>so happy</b> to see her again!</p><script>alert(1)</script>"],
        "Right to be silent on markup, and what would help is said.",
    ),
    (
        "A text of the village, by the village's model",
        ["analyze", "{village}", VILLAGE],
        "The one unusual value is right: the sweet of it is short. So much that is as usual leaves a "
        "reader with little.",
    ),
)
"""Title, arguments, and what a reader thinks of the output."""


def main(village: str, output: Path) -> None:
    """Write the transcript."""
    parts = [
        "# A newcomer's transcript\n",
        "What `redheart analyze` and `redheart decide` print for twelve texts, with the models that the "
        "package ships. "
        "Made by `docs/make_transcript.py`; the sentence below each output says what a reader thinks of it.\n",
    ]
    for title, arguments, opinion in CASES:
        found = CliRunner().invoke(cli, [village if one == "{village}" else one for one in arguments])
        words = " ".join(one if one in ("analyze", "decide", "{village}") else f'"{one}"' for one in arguments)
        command = words.replace("{village}", "runs/village/model")
        note = "<!-- not run: needs the model of a whole run -->\n" if "{village}" in arguments else ""
        shown = f"{note}```console\n$ redheart {command}\n{found.output.rstrip()}\n```\n"
        parts += [f"## {title}\n", shown, f"{opinion}\n"]
    output.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(__file__).with_name("transcript.md"))
