"""`amana programme`: who may ask, with which keys, under which agreements."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from api.cli import store, terminal
from identity import client_keys, programme_keys, programmes
from identity.programmes import Alg, AuthMethod, Client, Registration, Unacceptable
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
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with its public keys (RFC 7517).",
)
@click.option("--jwks-uri", help="Where it publishes them, instead of a file.")
@click.option("--notify-url", help="Where it is told of what concerns it, such as a key's end.")
@click.option("--redirect-uri", "redirect_uris", multiple=True, help="Where answers may go.")
@click.option(
    "--post-logout-redirect-uri", "post_logout", multiple=True, help="Where signing out may lead."
)
@click.option("--backchannel-logout-uri", help="Where it is told that a session ended.")
@click.option("--agreement", "agreements", multiple=True, required=True, help="Agreement id.")
@click.option("--alg", type=click.Choice(["ES256", "PS256", "EdDSA"]), default="ES256")
@click.option(
    "--auth-method",
    type=click.Choice([method.value for method in AuthMethod]),
    default=AuthMethod.PRIVATE_KEY_JWT.value,
    show_default=True,
    help="How it says who it is.",
)
@click.option("--tls-subject-dn", help="tls_client_auth: the certificate's subject (RFC 4514).")
@click.option("--tls-san-dns", help="tls_client_auth: or a DNS name in the certificate.")
def add(
    *,
    client_id: str,
    name: str,
    jwks: Path | None,
    jwks_uri: str | None,
    notify_url: str | None,
    redirect_uris: tuple[str, ...],
    post_logout: tuple[str, ...],
    backchannel_logout_uri: str | None,
    agreements: tuple[str, ...],
    alg: Alg,
    auth_method: str,
    tls_subject_dn: str | None,
    tls_san_dns: str | None,
) -> None:
    """Register a programme: its keys, where answers may go, its agreements."""
    asked = Registration(
        client_id=ProgrammeId(client_id),
        name=name,
        jwks=_json(jwks, "--jwks") if jwks else None,
        jwks_uri=jwks_uri,
        notify_url=notify_url,
        redirect_uris=redirect_uris,
        post_logout_redirect_uris=post_logout,
        backchannel_logout_uri=backchannel_logout_uri,
        agreements=tuple(AgreementId(each) for each in agreements),
        alg=alg,
        auth_method=AuthMethod(auth_method),
        tls_client_auth_subject_dn=tls_subject_dn,
        tls_client_auth_san_dns=tls_san_dns,
    )
    done = terminal.run(_add(asked))
    if isinstance(done, Unacceptable):
        raise click.ClickException("not registered:\n  " + "\n  ".join(done.problems))
    click.echo(f"registered {done.client_id} with {len(done.jwks['keys'])} key(s)")


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


@programme.group()
def keys() -> None:
    """The keys of a programme: add one, and end the older when nothing signs with it any more."""


@keys.command(name="list")
@click.argument("client_id")
def list_keys(client_id: str) -> None:
    """Its keys, until when each is good, and how old a set from an address is."""
    client = terminal.run(_one(client_id))
    if client is None:
        raise click.ClickException(f"{client_id} is not registered")
    until = dict(programme_keys.ends(client.jwks))
    for key in client.jwks["keys"]:
        end = until.get(key["kid"])
        click.echo(f"{key['kid']}\t{end.isoformat() if end else 'without end'}")
    if client.jwks_uri:
        read = client.jwks_at.isoformat() if client.jwks_at else "never"
        click.echo(f"{client.jwks_uri}\tread {read}\t{client.jwks_failure or 'ok'}")


@keys.command(name="add")
@click.argument("client_id")
@click.argument("jwk", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def add_key(client_id: str, jwk: Path) -> None:
    """Let it also use the key in the file JWK, from now on."""
    _changed(terminal.run(_add_key(client_id, _json(jwk, "JWK"))))


@keys.command(name="end")
@click.argument("client_id")
@click.argument("kid")
@click.option("--at", type=click.DateTime(), help="In UTC. Default: now.")
def end_key(client_id: str, kid: str, at: datetime | None) -> None:
    """Let its key KID be good until a moment and no longer."""
    _changed(terminal.run(_end_key(client_id, kid, at and at.replace(tzinfo=UTC))))


def _changed(done: Client | Unacceptable) -> None:
    if isinstance(done, Unacceptable):
        raise click.ClickException("not changed:\n  " + "\n  ".join(done.problems))
    click.echo(f"{done.client_id} has {len(done.jwks['keys'])} key(s)")


def _json(file: Path, named: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except msgspec.DecodeError:
        raise click.BadParameter(f"{file} is not JSON", param_hint=named) from None


async def _one(client_id: str) -> Client | None:
    async with store.opened() as held, db.read(held.database) as tx:
        return (await programmes.read(tx, [client_id])).get(client_id)


async def _add_key(client_id: str, jwk: dict[str, Any]) -> Client | Unacceptable:
    async with store.opened() as held, db.begin(held.database) as tx:
        return await client_keys.add(tx, client_id, jwk)


async def _end_key(client_id: str, kid: str, at: datetime | None) -> Client | Unacceptable:
    async with store.opened() as held, db.begin(held.database) as tx:
        return await client_keys.end(tx, client_id, kid, at or tx.now)


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
