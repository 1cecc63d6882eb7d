"""`amana demo`: a synthetic country, seeded once and served here."""

import asyncio
import socket
import sys
from pathlib import Path

import click
import msgspec
import pyotp

from api import children, serving
from api import settings as environment
from api.children import ChildDiedError, Spec
from api.cli import terminal
from api.demo import building
from api.demo.seeding import NotOursError
from api.serving import Server
from api.settings import Settings
from api.walk import credentials
from api.walk.credentials import Citizen, Handed, Staff

SHOWN = 3
"""Citizens whose credentials are printed; the others are in the file."""


@click.group(invoke_without_command=True)
@click.option("--reset", is_flag=True, help="Start over: remove the data folder first.")
@click.option("--public-port", default=8000, show_default=True, help="Of the public app.")
@click.option("--console-port", default=8001, show_default=True, help="Of the console app.")
@click.option("--people", default=building.PEOPLE, show_default=True, help="How many to make.")
@click.option(
    "--server",
    type=click.Choice(serving.SERVERS),
    default=serving.SERVERS[0],
    show_default=True,
)
@click.option("--no-serve", is_flag=True, help="Seed only.")
@click.pass_context
def demo(
    ctx: click.Context,
    /,
    *,
    reset: bool,
    public_port: int,
    console_port: int,
    people: int,
    server: Server,
    no_serve: bool,
) -> None:
    """Seed a synthetic country and serve it here.

    Run again, it goes on where it stopped. Nothing it makes is about a real person.
    """
    if ctx.invoked_subcommand is not None:
        return
    settings = _settings(public_port, console_port)
    for port in () if no_serve else (public_port, console_port):
        _see_free(port)
    file = _build(settings, people, reset=reset)
    if no_serve:
        click.echo(f"seeded; credentials are in {file}")
        return
    try:
        asyncio.run(_serve(settings, file, server))
    except ChildDiedError as died:
        raise click.ClickException(str(died)) from None
    click.echo("stopped")


@demo.command()
@click.argument("name")
def code(name: str) -> None:
    """The current one-time code of NAME.

    NAME is a citizen's number or a part of their name, or `dpo`, `operator`,
    `controller` or `agency`.
    """
    handed = credentials.read(_existing())
    click.echo(pyotp.TOTP(_account(handed, name).totp_secret).now())


def _settings(public_port: int, console_port: int) -> Settings:
    chosen = terminal.settings()
    return msgspec.structs.replace(
        chosen,
        # Faults only: what is printed is for the person before it.
        log_level="warning" if chosen.log_level == "info" else chosen.log_level,
        issuer=f"http://127.0.0.1:{public_port}",
        console_origin=f"http://127.0.0.1:{console_port}",
    )


def _see_free(port: int) -> None:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        raise click.ClickException(
            f"port {port} is taken: choose others with --public-port and --console-port"
        ) from None


def _build(settings: Settings, people: int, *, reset: bool) -> Path:
    try:
        if reset:
            building.forget(settings)
        return terminal.run(building.build(settings, people))
    except NotOursError:
        raise click.ClickException(
            f"{settings.data_dir} holds something that the demo did not make; it is left alone"
        ) from None


async def _serve(settings: Settings, file: Path, server: Server) -> None:
    environ = environment.to_environ(settings)
    ports = (settings.issuer, settings.console_origin)
    public, console = (int(each.rpartition(":")[2]) for each in ports)
    specs = [
        Spec(front="public", port=public, server=server, environ=environ),
        Spec(front="console", port=console, server=server, environ=environ),
    ]
    click.echo("starting the two servers …", err=True)
    async with children.running(specs) as servers:
        if not servers.told.is_set():
            _welcome(settings, file)
        await children.until_stopped(servers)
        click.echo("\nstopping …", err=True)


def _welcome(settings: Settings, file: Path) -> None:
    handed = credentials.read(file)
    click.echo(click.style("\nAmana is here. Everybody in it is made up.\n", bold=True))
    click.echo(f"  Citizens   {settings.issuer}/")
    for citizen in handed.citizens[:SHOWN]:
        click.echo(f"             {citizen.identifier}  {citizen.password}  {citizen.name}")
    click.echo(f"  Console    {settings.console_origin}/")
    for each in handed.staff.everybody:
        click.echo(f"             {each.identifier:<10}  {each.password}")
    click.echo(f"  Interface  {settings.issuer}/docs")
    click.echo(f"\n  One-time codes   {_amana()} demo code dpo    (or a citizen's number or name)")
    click.echo(f"  Everything else  {file}")
    click.echo(
        f"  The whole story  {_amana()} walk --public {settings.issuer} "
        f"--console {settings.console_origin} --credentials {file}"
    )
    click.echo("  Stop             Ctrl-C\n")


def _amana() -> str:
    """How this command was called: `.venv/bin/amana`, say."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "amana" else "python -m api"


def _existing() -> Path:
    file = building.credentials(terminal.settings())
    if not file.is_file():
        raise click.ClickException(f"no credentials at {file}: run `amana demo` first")
    return file


def _account(handed: Handed, name: str) -> Citizen | Staff:
    wanted = name.strip().casefold()
    for each in handed.staff.everybody:
        if each.identifier == wanted:
            return each
    found = [
        each
        for each in handed.citizens
        if each.identifier == wanted or wanted in each.name.casefold()
    ]
    if len(found) != 1:
        raise click.UsageError(f"{len(found)} citizens answer to «{name}»")
    return found[0]
