"""Makes anew, under a newer key, what a person's entries in the access log are found by.

The tags are made from what the leaves have sealed, under the people's own log keys; the older
version of the tags' key is not needed for it. Entries are looked at in order of time; those that
are written meanwhile bear the newer tag already.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import msgspec
from sqlalchemy import Select, func, select

from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import (
    access_log,
    bulk,
    domain_keys,
    log_leaf,
    log_tables,
    subject_keys,
    version_jobs,
)
from vault import database as db
from vault.access_log import Line
from vault.database import AnyRow, Database, Transaction
from vault.envelope_errors import TamperedError
from vault.keyring import Keyring
from vault.version_jobs import Progress

DOMAIN: Final = "log-reference"
PAGE: Final = 500
STALE: Final = timedelta(minutes=1)
"""After a rotation, for so long somebody who began before it may still write an older tag."""
ACTOR: Final = Actor(kind=ActorKind.SYSTEM, id="retag")

_lines: Final = log_tables.access_log


async def retag(
    database: Database, keyring: Keyring, report: Callable[[int, int], None]
) -> Progress:
    """Go on until every entry was looked at. Killed anywhere, it goes on where it was.

    A job that ended with faults is begun anew.
    """
    async with db.begin(database) as tx:
        await _begin(tx, keyring)
    # Before each page: the key may be rotated once more meanwhile.
    return await version_jobs.run(
        database,
        lambda tx, worked: page(tx, keyring, worked),
        report,
        ready=partial(settle, database, keyring),
    )


async def settle(
    database: Database, keyring: Keyring, told: Callable[[float], None] | None = None
) -> None:
    """Return once nobody writes an older tag any more; `told` is called with seconds, if any."""
    async with db.read(database) as tx:
        seconds = (await _settled(tx, keyring) - tx.now).total_seconds()
    if seconds > 0:
        if told:
            told(seconds)
        await asyncio.sleep(seconds)


async def page(tx: Transaction, keyring: Keyring, worked: timedelta = timedelta(0)) -> Progress:
    """Make the tags of the next entries in the active version; one line of the log for all."""
    job = await version_jobs.held(tx, DOMAIN, keyring.versions(DOMAIN).active)
    if job.finished_at is not None:
        return job
    rows = await _next(tx, job, await _settled(tx, keyring))
    faults = await _made(tx, keyring, rows) if rows else 0
    ids = [row.id for row in rows]
    return await version_jobs.advanced(tx, job, ids, faults=faults, total=job.total, worked=worked)


async def uses(tx: Transaction, keyring: Keyring, version: int) -> int:
    """How many entries a version's tags may still be needed for."""
    active = keyring.versions(DOMAIN).active
    tagged = await _tagged(tx, tx.now)
    job = await version_jobs.of(tx, DOMAIN, active)
    if version == active or job is None:
        return tagged
    return job.faults if job.finished_at else max(tagged - job.done, 0) + job.faults


async def _begin(tx: Transaction, keyring: Keyring) -> None:
    job = await version_jobs.held(tx, DOMAIN, keyring.versions(DOMAIN).active)
    if job.finished_at is not None and not job.faults:
        return
    if job.finished_at is not None:
        job = msgspec.structs.replace(job, last=None, done=0, faults=0, finished_at=None)
    total = await _tagged(tx, await _settled(tx, keyring))
    await version_jobs.keep(tx, msgspec.structs.replace(job, total=total))


async def _settled(tx: Transaction, keyring: Keyring) -> datetime:
    """From when on every tag is of the active version."""
    active = keyring.versions(DOMAIN).active
    (made_at,) = [
        each.created_at
        for each in await domain_keys.versions(tx)
        if (each.name, each.version) == (DOMAIN, active)
    ]
    return made_at + STALE


async def _next(tx: Transaction, job: Progress, until: datetime) -> list[AnyRow]:
    query = _tagged_lines.where(_lines.c.id < log_leaf.first_id(until))
    if job.last is not None:
        query = query.where(_lines.c.id > job.last)
    return list(await tx.connection.execute(query.order_by(_lines.c.id).limit(PAGE)))


async def _made(tx: Transaction, keyring: Keyring, rows: Sequence[AnyRow]) -> int:
    """Write the tags of these entries; how many do not open."""
    detail = f"{DOMAIN} v{keyring.versions(DOMAIN).active}: {len(rows)}"
    line = Line(actor=ACTOR, action=Action.REINDEX, outcome=Outcome.GIVEN, detail=detail)
    await access_log.record(tx, keyring, [line])
    handles = {log_leaf.handle(row.leaf) for row in rows} - {b""}
    owners = await subject_keys.log_keys(tx, keyring.log_tree, sorted(handles))
    tags = {row.id: _tag(keyring, row.leaf, owners) for row in rows}
    made = [{"id": id_, "subject_tag": tag} for id_, tag in tags.items() if tag is not None]
    await bulk.change(tx, _lines, ("id",), made)
    return len(rows) - len(made)


def _tag(keyring: Keyring, octets: bytes, owners: subject_keys.Owners) -> bytes | None:
    try:
        leaf = log_leaf.decode(octets)
        subject, key = owners[leaf.handle]
        log_leaf.opened(key, leaf)
    except (TamperedError, KeyError):
        return None
    return log_tables.tag(keyring, subject, log_leaf.month(log_leaf.instant(leaf)))


async def _tagged(tx: Transaction, until: datetime) -> int:
    query = select(func.count(_lines.c.subject_tag)).where(_lines.c.id < log_leaf.first_id(until))
    return await tx.connection.scalar(query) or 0


_tagged_lines: Final[Select[Any]] = select(_lines.c.id, _lines.c.leaf).where(
    _lines.c.subject_tag.is_not(None)
)
