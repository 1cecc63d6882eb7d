"""`amana programme`: who may ask, with which keys, under which agreements."""

from pathlib import Path
from typing import Any

import click
import msgspec

from api.cli import store, terminal
from identity import programmes
from identity.programmes import Alg, Client, Registration, Unacceptable
from policies.vocabulary import AgreementId, ProgrammeId
from vault import database as db


@click.group()
def programme() -> None:
    """Register and suspend programmes."""


@programme.command()
@click.option("--id", "client_id", required=True, help="Programme id of the catalogue.")
@click.option("--name", required=True, help="What the console calls it.")
@click.option(
    "--jwks",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with its public keys (RFC 7517).",
)
@click.option("--redirect-uri", "redirect_uris", multiple=True, help="Where answers may go.")
@click.option("--agreement", "agreements", multiple=True, required=True, help="Agreement id.")
@click.option("--alg", type=click.Choice(["ES256", "PS256", "EdDSA"]), default="ES256")
def add(
    *,
    client_id: str,
    name: str,
    jwks: Path,
    redirect_uris: tuple[str, ...],
    agreements: tuple[str, ...],
    alg: Alg,
) -> None:
    """Register a programme: its keys, where answers may go, its agreements."""
    asked = Registration(
        client_id=ProgrammeId(client_id),
        name=name,
        jwks=_jwks(jwks),
        redirect_uris=redirect_uris,
        agreements=tuple(AgreementId(each) for each in agreements),
        alg=alg,
    )
    done = terminal.run(_add(asked))
    if isinstance(done, Unacceptable):
        raise click.ClickException("not registered:\n  " + "\n  ".join(done.problems))
    click.echo(f"registered {done.client_id} with {len(done.jwks.get('keys', ()))} key(s)")


@programme.command(name="list")
def list_() -> None:
    """Every registered programme."""
    for client in terminal.run(_everyone()):
        click.echo(f"{client.client_id}\t{client.state.value}\t{', '.join(client.agreements)}")


@programme.command()
@click.argument("client_id")
def suspend(client_id: str) -> None:
    """Stop a programme at once: its tokens open nothing any more."""
    if not terminal.run(_suspend(client_id)):
        raise click.ClickException(f"{client_id} is not an active programme")
    click.echo(f"{client_id} is suspended")


@programme.command()
@click.argument("client_id")
def resume(client_id: str) -> None:
    """Let a suspended programme go on."""
    if not terminal.run(_resume(client_id)):
        raise click.ClickException(f"{client_id} is not suspended")
    click.echo(f"{client_id} is active")


def _jwks(file: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except msgspec.DecodeError:
        raise click.BadParameter(f"{file} is not JSON", param_hint="--jwks") from None


async def _add(asked: Registration) -> Client | Unacceptable:
    async with store.opened() as held, db.begin(held.database) as tx:
        return await programmes.add(tx, held.catalogue, asked)


async def _everyone() -> list[Client]:
    async with store.opened() as held, db.read(held.database) as tx:
        return await programmes.everyone(tx)


async def _suspend(client_id: str) -> bool:
    async with store.opened() as held, db.begin(held.database) as tx:
        return await programmes.suspend(tx, client_id)


async def _resume(client_id: str) -> bool:
    async with store.opened() as held, db.begin(held.database) as tx:
        return await programmes.resume(tx, client_id)
