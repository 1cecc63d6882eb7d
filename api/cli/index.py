"""`amana index`: the blind indexes, their keys and what they tell."""

from collections.abc import Sequence

import click

from api.cli import store, terminal
from api.running import Running
from identity.registry import virtual_rows
from vault import database as db
from vault import index_lint, index_rotation, index_versions, version_jobs
from vault.index_held import Live
from vault.index_lint import Bucket
from vault.index_rotation import Behind
from vault.version_jobs import Progress


@click.group()
def index() -> None:
    """The blind indexes: rotate, reindex, lint."""


@index.command()
def status() -> None:
    """Which versions answer, by which rules, with how many rows; how far the job has come."""
    versions, job = terminal.run(_status())
    for each, rows in versions:
        click.echo(f"version {each.version}: {each.state}, rules v{each.rules}, {rows} rows")
    if job is not None:
        click.echo(_told(job))


@index.command()
def rotate() -> None:
    """Make a new index key the active one; the older goes on answering until `reindex` is done."""
    version = terminal.run(_rotate())
    click.echo(f"version {version} is active; every write goes to it and to the older ones")
    click.echo("Now: amana index reindex")


@index.command()
def reindex() -> None:
    """Make every tag anew under the active key, then drop the older rows. Resumes where it was."""
    with terminal.progress("reindexing") as report:
        job, why = terminal.run(_reindex(report))
    click.echo(_told(job))
    if why is not None:
        raise click.ClickException(
            f"the older versions go on answering: {why.rows} rows are in them alone, "
            f"{why.faults} records have a fault"
        )
    click.echo("no row of an older version is left: it may be retired")


@index.command()
def lint() -> None:
    """How frequent the most frequent tag of each index is; exit code 1 if one tells too much."""
    buckets = terminal.run(_measure())
    for each in buckets:
        click.echo(
            f"{each.name} v{each.version}: {each.rows} rows, {each.tags} tags, "
            f"the largest has {each.largest} ({each.share:.3%})"
        )
    if refused := [each.name for each in buckets if each.refused]:
        raise click.ClickException(
            f"{', '.join(dict.fromkeys(refused))}: the most frequent tag has more than "
            f"{index_lint.MOST:.1%} of the rows; its rank tells the value"
        )


async def _status() -> tuple[list[tuple[Live, int]], Progress | None]:
    async with store.opened() as held, db.read(held.database) as tx:
        live = await index_versions.for_reading(tx, held.keyring)
        versions = [(each, await index_rotation.uses(tx, each.version)) for each in live]
        domain = index_versions.DOMAIN
        return versions, await version_jobs.of(tx, domain, live[0].version) if live else None


async def _rotate() -> int:
    async with store.opened() as held, db.begin(held.database) as tx:
        return await index_rotation.begin(tx, held.keyring)


async def _reindex(report: terminal.Report) -> tuple[Progress, Behind | None]:
    async with store.opened() as held:
        job = await index_rotation.reindex(held.database, held.keyring, report)
        await _move_numbers(held)
        async with db.begin(held.database) as tx:
            why = await index_rotation.settle(tx)
        if why is None:
            await index_rotation.drop_all(held.database)
        return job, why


async def _move_numbers(held: Running) -> None:
    """They are found by tags under the same key."""
    while True:
        async with db.begin(held.database) as tx:
            if not await virtual_rows.move(tx, held.keyring):
                return


async def _measure() -> Sequence[Bucket]:
    async with store.opened() as held, db.read(held.database) as tx:
        return await index_lint.measure(tx)


def _told(job: Progress) -> str:
    state = "finished" if job.finished_at else f"{job.seconds_left:.0f} s left"
    return (
        f"reindex to version {job.version}: {job.done}/{job.total}, {job.rate:,.0f}/s, "
        f"{job.faults} faults, {state}"
    )
