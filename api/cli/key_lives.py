"""`amana keys status | rotate | reseal | retire | destroy`: the lives of keys, step by step."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import click

from api import key_uses
from api.cli import rotating, store, terminal
from api.running import Running
from policies.retention import SHRED_HORIZON
from vault import (
    boxed_rows,
    domain_keys,
    domain_rotation,
    key_jobs,
    root_keys,
    root_promises,
    signing,
)
from vault import database as db
from vault.database import Transaction
from vault.key_states import State

_DRY: Final = click.option("--dry-run", is_flag=True, help="Say what would be done; do nothing.")
_VERSION: Final = click.argument("version", type=click.IntRange(min=1))
_DOMAIN: Final = click.argument("name", type=click.Choice(domain_keys.DOMAINS))

Work = Callable[[Running, Transaction], Awaitable[str]]


@click.command()
def status() -> None:
    """Every version of the root and of each domain: its state, and what still uses it."""
    for line in terminal.run(_status()):
        click.echo(line)


@click.group()
def rotate() -> None:
    """Begin a new version: of the root, of a domain, or of every record's key."""


@rotate.command(name="root")
@_DRY
def rotate_root(*, dry_run: bool) -> None:
    """A new root. Everything it wraps is wrapped anew; the older version opens old backups."""

    async def work(held: Running, tx: Transaction) -> str:
        done = await _rotated(tx, held, dry_run=dry_run)
        return f"{done}; nothing was done" if dry_run else done

    _do(work)


@rotate.command(name="domain")
@_DOMAIN
@_DRY
def rotate_domain(*, name: str, dry_run: bool) -> None:
    """A new version of one domain's key: what is written from now on uses it."""

    async def work(held: Running, tx: Transaction) -> str:
        if dry_run:
            active = held.keyring.versions(name).active
            return f"{name} {active} would be followed by {active + 1}; nothing was done"
        version = await domain_rotation.rotate(tx, held.keyring, name)
        return f"{name} {version} is active; the older opens until nothing uses it"

    _do(work)


rotate.add_command(rotating.subject)


@click.command()
def reseal() -> None:
    """Seal secrets that belong to no record under the active version of `boxes`."""
    done = terminal.run(_reseal())
    click.echo(f"{done.done} secrets are under the active version; {done.faults} do not open")
    if done.faults:
        raise click.ClickException("what does not open was left as it is")


@click.group()
def retire() -> None:
    """Let an older version open nothing any more; refused while anything uses it."""


@retire.command(name="root")
@_VERSION
@_DRY
def retire_root(*, version: int, dry_run: bool) -> None:
    """An older version of the root."""

    async def work(held: Running, tx: Transaction) -> str:
        known = {each.version: each for each in await root_keys.versions(tx, held.keyring)}
        found = known.get(version)
        if found is None or found.uses or found.state is not State.DECRYPT_ONLY:
            raise click.ClickException(_why_not(f"root {version}", found))
        if dry_run:
            return f"root {version} would be retired; nothing was done"
        await root_keys.retire(tx, held.keyring, version)
        return f"root {version} is retired; it may be destroyed in {SHRED_HORIZON.days} days"

    _do(work)


@retire.command(name="domain")
@_DOMAIN
@_VERSION
@click.option(
    "--notice-over",
    is_flag=True,
    help="pairwise alone: programmes were told; identifiers that still stand name nobody any more.",
)
@_DRY
def retire_domain(*, name: str, version: int, notice_over: bool, dry_run: bool) -> None:
    """An older version of one domain's key."""
    if notice_over and name != "pairwise":
        raise click.UsageError("--notice-over is for pairwise: of the others nothing may be lost")

    async def work(held: Running, tx: Transaction) -> str:
        used = await domain_rotation.uses(tx, held.keyring, name, version, key_uses.COUNTS)
        if used and not notice_over:
            raise click.ClickException(f"{name} {version} is refused: {used} things still use it")
        if dry_run:
            return f"{name} {version} would be retired; nothing was done"
        done = await domain_rotation.retire(
            tx, held.keyring, name, version, key_uses.COUNTS, ending=notice_over
        )
        if not done:
            raise click.ClickException(f"{name} {version} is not at decrypt-only")
        return f"{name} {version} is retired"

    _do(work)


@click.group()
def destroy() -> None:
    """Destroy a retired version for ever."""


@destroy.command(name="root")
@click.argument("version", type=click.IntRange(min=1), required=False)
@click.option("--due", is_flag=True, help="Every retired version whose horizon has passed.")
@click.option("--early", is_flag=True, help="Before the horizon: no backup before now will open.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_DRY
def destroy_root(*, version: int | None, due: bool, early: bool, yes: bool, dry_run: bool) -> None:
    """A retired version of the root, or all that are due. Backups that need it are then lost."""
    if (version is None) is not due:
        raise click.UsageError("name one version, or --due")
    if not (due or yes or dry_run):
        click.confirm(f"root {version} cannot be had again. Destroy it?", abort=True)

    async def work(held: Running, tx: Transaction) -> str:
        chosen = await root_keys.due(tx) if version is None else [version]
        for each in chosen:
            if dry_run:
                done = await root_keys.may_be_destroyed(tx, each, early=early)
            else:
                done = await root_keys.destroy(tx, held.keyring, each, early=early)
            if not done:
                raise click.ClickException(
                    f"root {each} is not retired, its horizon has not passed (--early), "
                    "or keys still use it: rotate the root once more"
                )
        which = ", ".join(f"root {each}" for each in chosen) or "none is due"
        return f"would be destroyed: {which}" if dry_run else f"destroyed: {which}"

    _do(work)


@destroy.command(name="domain")
@_DOMAIN
@_VERSION
@click.option("--yes", is_flag=True, help="Do not ask.")
@_DRY
def destroy_domain(*, name: str, version: int, yes: bool, dry_run: bool) -> None:
    """A retired version of one domain's key."""
    if not (yes or dry_run):
        click.confirm(f"{name} {version} cannot be had again. Destroy it?", abort=True)

    async def work(_held: Running, tx: Transaction) -> str:
        states = {(each.name, each.version): each.state for each in await domain_keys.versions(tx)}
        may = states.get((name, version)) is State.RETIRED
        if not (may if dry_run else await domain_keys.destroy(tx, name, version)):
            raise click.ClickException(f"{name} {version} is not retired")
        end = "would be destroyed; nothing was done" if dry_run else "is destroyed"
        return f"{name} {version} {end}"

    _do(work)


@click.command()
@_DRY
def tend(*, dry_run: bool) -> None:
    """What is due of the root after erasures: a new one, and the end of old ones. Run it hourly."""
    for line in terminal.run(_tended(dry_run=dry_run)):
        click.echo(line)


COMMANDS: Final = (status, rotate, reseal, retire, destroy, tend)


def _do(work: Work) -> None:
    async def whole() -> str:
        async with store.opened() as held, db.begin(held.database) as tx:
            return await work(held, tx)

    click.echo(terminal.run(whole()))


async def _tended(*, dry_run: bool) -> list[str]:
    told = []
    async with store.opened() as held:
        async with db.begin(held.database) as tx:
            if await root_promises.to_rotate(tx):
                told.append(await _rotated(tx, held, dry_run=dry_run))
        # In a transaction of its own: who wraps holds every root against who destroys one.
        async with db.begin(held.database) as tx:
            told += [
                await _destroyed(tx, held, version, dry_run=dry_run)
                for version in await root_keys.due(tx)
            ]
    return told or ["nothing is due"]


async def _rotated(tx: Transaction, held: Running, *, dry_run: bool) -> str:
    before = held.keyring.keys.active
    if dry_run:
        return f"root {before} would be followed by {before + 1}"
    version = await root_keys.rotate(tx, held.keyring)
    retired = await root_keys.retire(tx, held.keyring, before)
    end = f"root {before} is retired and may be destroyed in {SHRED_HORIZON.days} days"
    return f"root {version} is active; {end if retired else f'root {before} is still in use'}"


async def _destroyed(tx: Transaction, held: Running, version: int, *, dry_run: bool) -> str:
    if dry_run:
        return f"root {version} would be destroyed"
    done = await root_keys.destroy(tx, held.keyring, version)
    return f"root {version} is {'destroyed' if done else 'still in use: rotate the root once more'}"


async def _status() -> list[str]:
    async with store.opened() as held:
        async with db.begin(held.database) as tx:
            roots = await root_keys.versions(tx, held.keyring)
        async with db.read(held.database) as tx:
            lines = [f"{'key':<16}{'version':>8}  {'state':<14}{'in use by':>12}"]
            for root in roots:
                gone = (
                    "" if root.here or root.state is State.DESTROYED else "  NOT WITH ITS PROVIDER"
                )
                lines.append(_line("root", root.version, root.state, root.uses) + gone)
            for each in await domain_keys.versions(tx):
                used = await domain_rotation.uses(
                    tx, held.keyring, each.name, each.version, key_uses.COUNTS
                )
                counted = used if each.name in key_uses.COUNTS else None
                lines.append(_line(each.name, each.version, each.state, counted))
            lines += [
                f"unfinished: {job.what}, {job.done} of {job.total}"
                for job in await key_jobs.unfinished(tx)
            ]
            if late := await root_promises.overdue(tx):
                lines.append(f"OVERDUE by {late.days} days: rotate the root, destroy what is due")
        return lines


def _line(name: str, version: int, state: State, used: int | None) -> str:
    return f"{name:<16}{version:>8}  {state:<14}{'—' if used is None else used:>12}"


def _why_not(what: str, found: Any) -> str:
    if found is None:
        return f"there is no {what}"
    if found.uses:
        return f"{what} is refused: {found.uses} keys still use it"
    return f"{what} is {found.state}"


async def _reseal() -> boxed_rows.Resealed:
    async with store.opened() as held:
        with terminal.progress("sealing secrets anew") as report:
            done = await boxed_rows.reseal(held.database, held.keyring, key_uses.BOXED, report)
        async with db.begin(held.database) as tx:
            await signing.vouch(tx, held.keyring)
        return done
