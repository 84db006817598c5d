"""redheart data label: labels for raw texts by a language model."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import click

from redheart.progress import make_display
from redheart_cli.numbers import Amount, FiniteRange
from redheart_cli.output import figure, print_json, print_table
from redheart_cli.paths import UserPath
from redheart_cli.run_options import json_option

if TYPE_CHECKING:
    from redheart_labelling.summary import Summary

STOPPED, SOME_FAILED = 3, 4
NAMED = 20
"""Failures that are listed; the others are counted."""


@click.command()
@click.argument("file", type=UserPath())
@click.option(
    "--schema",
    required=True,
    metavar="FIELDS",
    help="Fields of the catalogue, and .toml files with your own, with commas between them.",
)
@click.option(
    "--endpoint",
    required=True,
    metavar="URL",
    help="Such as https://api.openai.com/v1, https://api.anthropic.com or http://127.0.0.1:8000/v1.",
)
@click.option("--model", required=True, metavar="NAME", help="As the endpoint calls it.")
@click.option("-o", "--output", required=True, type=UserPath(), metavar="OUT", help="Folder of the labels.")
@click.option("--protocol", type=click.Choice(("openai", "anthropic")),
              help="[default: anthropic for api.anthropic.com, else openai]")  # fmt: skip
@click.option("--key-variable", metavar="NAME",
              help="Environment variable with the key. [default: OPENAI_API_KEY or ANTHROPIC_API_KEY]")  # fmt: skip
@click.option("--column", metavar="NAME", help="Of a .csv, which column holds the texts. [default: text]")
@click.option("--budget", type=Amount(), metavar="MONEY", help="Most that the folder may cost; needs prices.")
@click.option("--budget-tokens", type=click.IntRange(0), metavar="N", help="Most tokens that it may take.")
@click.option("--price-in", type=Amount(), default=Decimal(0), metavar="MONEY", help="Per million tokens of requests.")
@click.option("--price-out", type=Amount(), default=Decimal(0), metavar="MONEY", help="Per million tokens of answers.")
@click.option("--passes", type=click.IntRange(1), default=1, show_default=True, help="Answers per text.")
@click.option("--relabel", type=FiniteRange(0, 1), default=0.05, show_default=True,
              help="Share of the texts that are labelled once more, for the noise floor.")  # fmt: skip
@click.option("--attempts", type=click.IntRange(1), default=3, show_default=True,
              help="Answers that are asked for until one is right.")  # fmt: skip
@click.option("--retry-failed", is_flag=True, help="Ask again for what failed before.")
@click.option("--no-structured", is_flag=True, help="The endpoint knows no JSON schemas; the prompt asks alone.")
@click.option("--temperature", type=FiniteRange(0, 2), help="[default: that of the endpoint]")
@click.option("--max-tokens", type=click.IntRange(1), metavar="N",
              help="Of an answer; more for a model that reasons first. [default: by the fields]")  # fmt: skip
@click.option("--output-limit", type=click.Choice(("max_completion_tokens", "max_tokens")), show_default=True,
              default="max_completion_tokens", help="What the endpoint calls that limit (openai).")  # fmt: skip
@click.option("--concurrency", type=click.IntRange(1, 256), default=4, show_default=True, help="Requests at once.")
@click.option(
    "--requests-per-minute", type=click.IntRange(1), metavar="N", help="At most. [default: as many as it takes]"
)
@click.option("--tokens-per-minute", type=click.IntRange(1), metavar="N", help="Counted before a request, at most.")
@click.option("--timeout", type=FiniteRange(0, min_open=True), default=60.0, show_default=True,
              help="Seconds for a reply.")  # fmt: skip
@click.option("--retries", type=click.IntRange(0), default=6, show_default=True,
              help="After a fault of endpoint or network, with growing pauses.")  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Of which texts are asked twice, and of pauses.")
@json_option
def label(file: Path, schema: str, endpoint: str, model: str, output: Path, as_json: bool, **given: Any) -> None:
    """Label the texts of FILE by a language model, on a budget.

    FILE is a .txt with one text a line, a .csv or a .jsonl. The folder OUT gets labels.jsonl with the texts that were
    labelled, plugins.toml, with which redheart run reads them, summary.json, and journal.jsonl with every request.

    An answer has to hold every number, in its range, and shares that sum to 1. A wrong one is asked for again; what
    stays wrong is recorded as failed with the reason, and never filled in. The same command goes on where it was
    stopped: it pays for no answer twice, and a process that is killed loses at most the answers to requests that are on
    their way. A budget is of the whole folder; a request is sent only if the most that it can cost still fits. What
    replies state as used counts, and a request without a reply at its most.

    The key comes from the environment and is written nowhere. The texts are sent to the endpoint.

    A .toml file of --schema declares fields of your own. Each table is one, with its meaning, and kind = "values" with
    low and high, or kind = "labels" or "distribution" with labels: [blame] low = 0, high = 10, meaning = "...".

    The exit code is 3 if the budget ended the work, 4 if some answers failed.

    \b
    Examples:
      redheart data label posts.csv --column body --schema emotion,regret --endpoint https://api.openai.com/v1 \\
        --model gpt-5-mini --budget 5 --price-in 0.25 --price-out 2 -o labels
      redheart data label posts.txt --schema goemotions --endpoint http://127.0.0.1:8000/v1 --model local \\
        --no-structured --output-limit max_tokens --passes 3 -o labels
      redheart data label posts.txt --schema emotion,own.toml --endpoint http://127.0.0.1:8000/v1 --model local \\
        -o labels
      redheart run --plugins labels/plugins.toml
    """
    from redheart_labelling.label import label_file

    with make_display() as display:
        summary = label_file(file, output, display=display, **_settings(schema, endpoint, model, given))
    if as_json:
        from redheart_core.storage.structuring import unstructure

        print_json(unstructure(summary))
    else:
        print_summary(summary, output, _has_prices(given))
    if summary.budget_spent or summary.unanswered:
        raise SystemExit(STOPPED)
    if summary.failed:
        raise SystemExit(SOME_FAILED)


def _settings(schema: str, endpoint: str, model: str, given: dict[str, Any]) -> dict[str, Any]:
    """The options as the arguments of label_file."""
    from redheart_labelling.endpoint import read_endpoint
    from redheart_labelling.schema_option import read_schema
    from redheart_labelling.settings import Effort, Question, Spending, Transport

    protocol = cast(Literal["openai", "anthropic"] | None, given["protocol"])
    return {
        "question": Question(
            read_schema(schema), read_endpoint(endpoint, protocol), model, not given["no_structured"],
            given["temperature"],
        ),
        "column": given["column"],
        "key_variable": given["key_variable"],
        "effort": Effort(given["passes"], given["relabel"], given["attempts"], given["retry_failed"], given["seed"]),
        "transport": Transport(
            concurrency=given["concurrency"],
            requests_per_minute=given["requests_per_minute"],
            tokens_per_minute=given["tokens_per_minute"],
            timeout_s=given["timeout"],
            retries=given["retries"],
            max_tokens=given["max_tokens"],
            output_limit=given["output_limit"],
        ),
        "spending": Spending(
            given["price_in"], given["price_out"], given["budget"], given["budget_tokens"],
        ),
    }  # fmt: skip


def _has_prices(given: dict[str, Any]) -> bool:
    return bool(given["price_in"] or given["price_out"])


def print_summary(summary: Summary, output: Path, prices: bool) -> None:
    """What became of the texts, the noise floor, what was spent, and how to go on."""
    click.echo(
        f"{output}: {summary.labelled:,} of {summary.texts:,} texts labelled; "
        f"{summary.answered:,} of {summary.wanted:,} answers, {len(summary.failed):,} failed"
    )
    rows = [
        (one.field, one.pairs, figure(one.mean_difference), figure(one.deviation), figure(one.between_passes))
        for one in summary.noise
    ]
    print_table(("noise floor", "labelled twice", "mean difference", "sd of one labelling", "sd over passes"), rows)
    _print_spending(summary, prices)
    _print_reasons("failed", summary.failed)
    _print_reasons("no reply", summary.unanswered)
    if summary.budget_spent:
        click.echo("stopped: the next request could exceed the budget; the same command with a larger one goes on")
    elif summary.unanswered:
        click.echo("the same command asks again for what got no reply")
    if summary.failed:
        click.echo("--retry-failed asks again for what failed")
    if summary.labelled:
        click.echo(f"train on them: redheart run --plugins {output / 'plugins.toml'}")


def _print_spending(summary: Summary, prices: bool) -> None:
    requests = summary.requests
    parts = {
        "right": requests.right,
        "wrong": requests.wrong,
        "refused without cost": requests.unpaid,
        "without a reply": requests.lost,
        "cut off by a kill": requests.cut_off,
    }
    found = ", ".join(f"{count:,} {words}" for words, count in parts.items() if count) or "none"
    click.echo(f"{requests.sent:,} requests: {found}")
    click.echo(
        f"{summary.reported.input:,} tokens in and {summary.reported.output:,} out"
        + (f"; at most {summary.assumed.total:,} more, which nobody stated" if summary.assumed.total else "")
        + (f"; cost {'at most ' if summary.assumed.total else ''}{summary.cost}" if prices else "")
    )


def _print_reasons(what: str, reasons: Any) -> None:
    for name, reason in list(reasons.items())[:NAMED]:
        click.echo(f"{what}: {name}: {reason}")
    if len(reasons) > NAMED:
        click.echo(f"and {len(reasons) - NAMED:,} more; summary.json names all of them")
