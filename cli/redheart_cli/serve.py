"""redheart serve: models over HTTP."""

from __future__ import annotations

import ipaddress
import sys

import click

from redheart_core import SettingsError


@click.command()
@click.argument("models", nargs=-1, metavar="[MODEL ...]")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 for a free one.")
@click.option("--country", metavar="CODE",
              help="Whose helplines a person in crisis is given, such as US or KR. [default: by language]")  # fmt: skip
@click.option("--device", default="cpu", show_default=True)
@click.option("--deadline", "deadline_s", type=click.FloatRange(0, min_open=True), default=30.0, show_default=True,
              help="Seconds for an answer, waiting included.")  # fmt: skip
@click.option("--waiting", type=click.IntRange(1), default=256, show_default=True,
              help="Texts that wait; more are refused with 503.")  # fmt: skip
def serve(
    models: tuple[str, ...], host: str, port: int, country: str | None, device: str, deadline_s: float, waiting: int
) -> None:
    """Answer over HTTP with MODEL, a folder or the name of an installed model; without it the installed one.

    Several models stand side by side; NAME=MODEL names one, and the first answers where a request names none.
    /openapi.json describes every request and answer. SIGHUP loads the models anew without losing a request; SIGTERM
    finishes what was accepted. The access log on stderr holds no text.

    \b
    Examples:
      redheart serve
      redheart serve mine=runs/village/model ready --port 9000
      curl http://127.0.0.1:8080/v1/analyze --json '{"text": "I told my neighbour the truth about the fence."}'
    """
    try:
        import fastapi  # noqa: F401 - whether the extra is installed
        import uvicorn  # noqa: F401 - likewise
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"the server needs the package '{error.name}', which is not installed; pip install 'redheart[serve]'"
        ) from error
    from redheart_server.logs import log_to
    from redheart_server.process import serve as run
    from redheart_server.served import Models, wanted
    from redheart_server.settings import Limits

    _check_host(host)
    log_to(sys.stderr)
    loaded = Models(wanted(models), device, country)
    limits = Limits(deadline_s=deadline_s, waiting=waiting)
    run(loaded, limits, host, port, lambda address: click.echo(f"redheart answers at {address}", err=True))


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
            f"--host {host}: everybody who reaches it could ask, and nobody has to show a key; listen on 127.0.0.1 "
            "behind a reverse proxy that checks who asks and speaks TLS"
        )
