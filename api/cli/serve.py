"""`amana serve`: the public app and the console app, two listeners; a third for certificates."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click

from api import children, serving
from api import settings as environment
from api.children import ChildDiedError, Spec
from api.cli import unlocking
from api.serving import Front, Server, Tls
from api.settings import Settings

PORTS: Final[dict[Front, int]] = {"public": 8000, "console": 8001}
MUTUAL_TLS_PORT: Final = 8443
FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)

Command = Callable[..., Any]


def _listener(command: Command) -> Command:
    for option in (
        click.option("--until-input-ends", is_flag=True, hidden=True, help="Of a supervisor."),
        click.option(
            "--server",
            type=click.Choice(serving.SERVERS),
            default=serving.SERVERS[0],
            show_default=True,
        ),
        click.option("--workers", type=click.IntRange(min=1), help="Default: AMANA_WORKERS."),
        click.option("--host", default="127.0.0.1", show_default=True),
    ):
        command = option(command)
    return command


@click.group()
def serve() -> None:
    """Serve the public app, the console, or both."""


@serve.command()
@_listener
@click.option("--port", type=int, help="Default: that of AMANA_ISSUER on loopback, else 8000.")
def public(**listener: Any) -> None:
    """Citizens' portal, authorization server and resource API."""
    _serve("public", **listener)


@serve.command()
@_listener
@click.option("--port", type=int, help="Default: that of AMANA_CONSOLE_ORIGIN, else 8001.")
def console(**listener: Any) -> None:
    """DPO and operators."""
    _serve("console", **listener)


@serve.command(name="mutual-tls")
@click.option("--until-input-ends", is_flag=True, hidden=True, help="Of a supervisor.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=int, help="Default: that of AMANA_MUTUAL_TLS_ORIGIN, else 8443.")
@click.option("--workers", type=click.IntRange(min=1), help="Default: AMANA_WORKERS.")
@click.option("--certificate", type=FILE, required=True, help="Ours, with its chain (PEM).")
@click.option("--key", type=FILE, required=True, help="Its private key (PEM).")
def mutual_tls(
    *,
    until_input_ends: bool,
    host: str,
    port: int | None,
    workers: int | None,
    certificate: Path,
    key: Path,
) -> None:
    """What programmes need, by TLS, for those that have a certificate (RFC 8705)."""
    settings = unlocking.settings()
    if settings.client_authorities is None:
        raise click.UsageError("AMANA_CLIENT_AUTHORITIES must say whose certificates are good")
    if settings.client_certificates != "listener":
        raise click.UsageError("AMANA_CLIENT_CERTIFICATES says that a proxy sees to certificates")
    if until_input_ends:
        serving.stop_when_input_ends()
    environment.publish(settings)  # workers read it
    serving.serve_mutual_tls(
        Tls(certificate=certificate, key=key, authorities=settings.client_authorities),
        host=host,
        port=port or urlsplit(settings.mutual_tls_origin).port or MUTUAL_TLS_PORT,
        workers=_workers(workers, settings, "uvicorn"),
    )


@serve.command(name="all")
@_listener
def both(*, host: str, workers: int | None, server: Server, until_input_ends: bool) -> None:
    """Both, as two processes that are stopped together."""
    if until_input_ends:
        serving.stop_when_input_ends()
    settings = unlocking.settings()
    specs = [
        Spec(
            front=front,
            host=host,
            port=_port(front, settings),
            workers=_workers(workers, settings, server),
            server=server,
            environ=environment.to_environ(settings),
            descriptors=unlocking.descriptors(settings),
        )
        for front in PORTS
    ]
    try:
        asyncio.run(_both(specs))
    except ChildDiedError as died:
        raise click.ClickException(str(died)) from None


async def _both(specs: list[Spec]) -> None:
    async with children.running(specs) as servers:
        for child in servers.children:
            click.echo(f"{child.spec.front}: http://{child.spec.host}:{child.spec.port}")
        await children.until_stopped(servers)


def _serve(
    front: Front,
    *,
    host: str,
    port: int | None,
    workers: int | None,
    server: Server,
    until_input_ends: bool,
) -> None:
    settings = unlocking.settings()
    if until_input_ends:
        serving.stop_when_input_ends()
    environment.publish(settings)  # workers read it
    serving.serve(
        front,
        host=host,
        port=port or _port(front, settings),
        workers=_workers(workers, settings, server),
        server=server,
    )


def _workers(asked: int | None, settings: Settings, server: Server) -> int:
    """As many as asked, within what the settings allow."""
    if asked is not None and asked > 1 and not settings.redis_url:
        raise click.UsageError("more than one worker needs AMANA_REDIS_URL: codes are used once")
    workers = asked or settings.workers
    if workers > 1 and server == "uvicorn" and unlocking.descriptors(settings):
        raise click.UsageError(
            "one worker alone of uvicorn inherits a passphrase that was typed: give it by a file,"
            " or serve by granian"
        )
    return workers


def _port(front: Front, settings: Settings) -> int:
    """The port browsers are told of, where they reach us without a proxy."""
    told = urlsplit(settings.issuer if front == "public" else settings.console_origin)
    if told.hostname in environment.LOOPBACK and told.port:
        return told.port
    return PORTS[front]
