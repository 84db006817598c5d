"""redheart serve: models over HTTP."""

from __future__ import annotations

import ipaddress
import sys
from pathlib import Path
from typing import Any

import click

from redheart_cli.numbers import FiniteRange
from redheart_cli.paths import UserPath
from redheart_cli.serve_keys import keys as keys_group
from redheart_core import SettingsError


class _WithKeys(click.Command):
    """A command in front of whose models the word `keys` may stand, which is a group of its own."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        if args[:1] == ["keys"]:
            return keys_group.make_context(f"{info_name} keys", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


@click.command(cls=_WithKeys)
@click.argument("models", nargs=-1, metavar="[MODEL ...]")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 for a free one.")
@click.option("--country", metavar="CODE",
              help="Whose helplines a person in crisis is given, such as US or KR. [default: by language]")  # fmt: skip
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@click.option("--deadline", "deadline_s", type=FiniteRange(0, min_open=True), default=30.0, show_default=True,
              help="Seconds for an answer, waiting included.")  # fmt: skip
@click.option("--waiting", type=click.IntRange(1), default=256, show_default=True,
              help="Texts that wait; more are refused with 503.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True,
              help="Processes that compute, each with the models in memory.")  # fmt: skip
@click.option("--pid-file", type=UserPath(), metavar="FILE", help="Where `redheart models activate` finds this server.")
@click.option("--keys", type=UserPath(), metavar="FILE", help="Who may ask; made by `redheart serve keys add`.")
@click.option(
    "--per-minute",
    type=click.IntRange(1, 1_000_000),
    metavar="N",
    help="Requests of one client address where there are no keys; more get 429. [default: as many as come]",
)
@click.option(
    "--behind-proxy",
    is_flag=True,
    help="With --per-minute: the address is the last one in X-Forwarded-For, which a proxy writes.",
)
@click.option("--memory", metavar="WHERE", help="Answer /v1/memory with this file or PostgreSQL database.")
@click.option("--keep-text", is_flag=True, help="The memory keeps texts beside their vectors.")
@click.option("--runs", type=UserPath(), metavar="DIR",
              help="Folder of runs that the page /runs shows, live and read-only. [default: none]")  # fmt: skip
def serve(
    models: tuple[str, ...],
    host: str,
    port: int,
    country: str | None,
    device: str,
    deadline_s: float,
    waiting: int,
    workers: int,
    pid_file: Path | None,
    keys: Path | None,
    per_minute: int | None,
    behind_proxy: bool,
    memory: str | None,
    keep_text: bool,
    runs: Path | None,
) -> None:
    """Answer over HTTP with MODEL, a folder or the name of an installed model; without it the installed one.

    Several models stand side by side; NAME=MODEL names one, and the first answers where a request names none.
    The address that is printed is a page on which a text is tried, in English and Korean; with --runs DIR, /runs shows
    the trainings in a folder as they go. /openapi.json describes every request and answer. SIGHUP reads the keys and
    loads the models anew without losing a request; SIGTERM finishes what was accepted. The access log on stderr holds
    no text.

    Without --keys this machine alone may ask, and whoever reaches a proxy on it: --per-minute limits how often each
    address does. `redheart serve keys add|list|revoke` makes the file of keys; a model in
    a folder called keys is ./keys.

    \b
    Examples:
      redheart serve
      redheart serve keys add keys.json me --scope analyze
      redheart serve --keys keys.json --host 0.0.0.0
      redheart serve --runs runs
      redheart serve mine=runs/village/model ready --port 9000
      curl http://127.0.0.1:8080/v1/analyze --json '{"text": "I told my neighbour the truth about the fence."}'
    """
    try:
        import fastapi  # noqa: F401 - whether the extra is installed
        import prometheus_client  # noqa: F401 - likewise
        import uvicorn  # noqa: F401 - likewise
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"the server needs the package '{error.name}', which is not installed; pip install 'redheart[serve]'"
        ) from error
    from redheart_registry.installed import look_again
    from redheart_server.access import Access
    from redheart_server.addresses import Addresses
    from redheart_server.logs import log_to
    from redheart_server.pid_file import written
    from redheart_server.process import Address
    from redheart_server.process import serve as run
    from redheart_server.served import Models, Source, wanted
    from redheart_server.settings import Limits

    look_again()  # a model that is loaded anew may be of a package that was installed since
    if keys is None:
        _check_host(host)
    if keep_text and memory is None:
        raise click.UsageError("--keep-text: no memory is named; give --memory too")
    if per_minute is not None and keys is not None:
        raise click.UsageError("--per-minute: with --keys each key has its own; give it to `redheart serve keys add`")
    if behind_proxy and per_minute is None:
        raise click.UsageError("--behind-proxy: it says whom --per-minute counts; give --per-minute too")
    access = Access(keys, None if per_minute is None else Addresses(per_minute, behind_proxy))
    if runs is not None and not runs.is_dir():
        raise SettingsError(f"--runs {runs} is no folder; name the one that holds your runs, such as runs")
    log_to(sys.stderr)
    source = Source(wanted(models), device, country, compares=True)
    limits = Limits(deadline_s=deadline_s, waiting=waiting)
    with written(pid_file):
        loaded = Models(source, memory=memory, keep_text=keep_text)
        run(loaded, limits, access, Address(host, port), _say, runs, workers)


def _say(address: str) -> None:
    click.echo(f"redheart answers at {address}", err=True)


def _check_host(host: str) -> None:
    """Without keys only this machine may ask.

    Raises:
        SettingsError: Others could.
    """
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise SettingsError(
            f"--host {host}: everybody who reaches it could ask, and nobody has to show a key; make keys with "
            "`redheart serve keys add keys.json NAME --scope analyze` and give --keys keys.json, or listen on 127.0.0.1"
        )
