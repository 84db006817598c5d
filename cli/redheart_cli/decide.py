"""redheart decide: acts side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from redheart_cli.first_help import first_help, help_for_unreadable, help_where_refused, print_help
from redheart_cli.output import print_json
from redheart_cli.paths import UserPath
from redheart_cli.run_options import json_option
from redheart_cli.streams import read_text
from redheart_core.storage.bad_rows import BadLineError


@click.command()
@click.argument("acts", nargs=-1, metavar="[ACT ACT ...]")
@click.option("--file", type=UserPath(allow_dash=True), help="JSON file of a dilemma, - for standard input.")
@click.option("--situation", help="What the acts are about.")
@click.option("--model", metavar="MODEL", help="Says what the words tell. [default: the installed one]")
@click.option("--preferences", metavar="MODEL", help="Says what people find less ethical. [default: the installed one]")
@click.option("--vulnerable-first", is_flag=True, help="Order by harm to the most vulnerable person first.")
@click.option("--weight", "weights", multiple=True, metavar="CRITERION=NUMBER",
              help="utility, expected_regret, largest_regret, harm or crowd; repeatable.")  # fmt: skip
@click.option("--language", metavar="CODE", help="Language of the texts, such as en. [default: detected]")
@click.option("--country", metavar="CODE",
              help="Whose helplines a person in crisis is given, such as US or KR. [default: by language]")  # fmt: skip
@json_option
def decide(
    acts: tuple[str, ...],
    file: Path | None,
    situation: str | None,
    model: str | None,
    preferences: str | None,
    vulnerable_first: bool,
    weights: tuple[str, ...],
    language: str | None,
    country: str | None,
    as_json: bool,
) -> None:
    """Compare two or more acts: what is given exactly, what models say of the words, an order and its limits.

    With acts alone, the order is that of what people find less ethical, by a model of preferences.
    A JSON file also holds what is known of outcomes and persons; then the figures are exact, as those
    of `redheart calculate exact_regret` and `exact_hedonic`:

    \b
      {"situation": "My father asks how ill he is.",
       "outcomes": ["he copes", "he despairs"], "probabilities": [0.7, 0.3],
       "acts": [{"text": "telling him the truth", "payoffs": [5, -4]},
                {"text": "saying that all is well", "payoffs": [1, 1]}]}

    An act may have "lots", its pleasures and pains: sign, intensity, days, and certainty, delay_days,
    fecundity, purity, persons, person; with external_cost, redistribution, self_damage and layers.
    "persons" have a name and a vulnerability in 0..1. "weights", "vulnerable_first", "language" and
    "error" (how uncertain given numbers are, 0.1 of their range) may stand there too.

    The order is never a verdict: beside it stand the probability of each act to come first, what that
    rests on, and from which value of a weight, a probability or a payoff on another act draws level.

    \b
    Examples:
      redheart decide "telling my boss that the numbers are wrong" "keeping quiet about the numbers"
      redheart decide --file dilemma.json --vulnerable-first --json
    """
    if (file is not None) == bool(acts):
        raise click.UsageError("give two or more acts, each in quotation marks, or a dilemma with --file")
    with help_for_unreadable(country, as_json):
        given = _read(file) if file is not None else {"acts": list(acts)}
    given |= {"situation": situation} if situation is not None else {}
    given |= {"language": language} if language is not None else {}
    given |= {"vulnerable_first": True} if vulnerable_first else {}
    given |= {"weights": dict(map(_weight, weights))} if weights else {}
    first = first_help(country, *texts_of(given))  # before anything that may fail or takes seconds
    if first is not None and first.acute and not as_json:
        print_help(first)
        return
    with help_where_refused(first, as_json):
        import redheart
        from redheart.dilemma import read_dilemma

        read_dilemma(given)  # before models are loaded
        found = redheart.decide(given, model=model, preferences=preferences, country=country)
    if as_json:
        print_json(found.to_json())
        return
    for line in found.lines():
        click.echo(line)


def texts_of(given: Mapping[str, Any]) -> list[str]:
    """All texts of a dilemma that may not be whole: the situation and the acts."""
    acts = given.get("acts")
    listed = acts if isinstance(acts, list) else []
    found = [given.get("situation"), *(act.get("text") if isinstance(act, dict) else act for act in listed)]
    return [text for text in found if isinstance(text, str)]


def _read(file: Path) -> dict[str, Any]:
    """The object of a JSON file.

    Raises:
        DataError: It cannot be read.
        BadLineError: It holds something else.
    """
    from redheart_core.storage.jsonlines import parse_json, unescaped

    where, content = read_text(None if str(file) == "-" else file)

    def wrong(reason: str) -> BadLineError:
        return BadLineError(f"{where}: {reason}", unescaped(content))

    try:
        value = parse_json(content)
    except json.JSONDecodeError as error:
        raise wrong(f"broken JSON, {error.msg} in line {error.lineno}, character {error.colno}") from error
    except RecursionError as error:
        raise wrong("JSON nested too deeply") from error
    except ValueError as error:
        raise wrong(str(error)) from error
    if not isinstance(value, dict):
        raise wrong(f"expects a JSON object with 'acts', got {type(value).__name__} {value!r:.60}")
    return value


def _weight(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError as error:
        raise click.UsageError(f"--weight expects CRITERION=NUMBER, got {text!r}") from error
