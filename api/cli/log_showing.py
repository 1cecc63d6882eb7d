"""`amana log prove`, `export` and `monitor`: the log, shown to whoever will not take our word."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import click
import httpx2

from api import log_export, monitoring
from api.cli import store, terminal
from api.monitoring import Fault, Memory, MonitorError, Seen, Trust, Watch, Wrong
from vault import access_log, keepsakes, log_cosignatures, transparency
from vault import database as db

PASSING: Final = frozenset({Wrong.SILENT, Wrong.UNWITNESSED})
"""What may be over at the next look; all else stays wrong."""


@click.command()
@click.argument("entry")
def prove(*, entry: str) -> None:
    """Print the proof that ENTRY is in the log (C2SP tlog-proof).

    ENTRY is the identifier of a line, as the console shows it, or its number in the tree.
    """
    wanted = _entry(entry)
    found = terminal.run(_prove(wanted))
    if found is None:
        raise click.ClickException("there is no such entry, or it waits to be sealed")
    click.echo(found, nl=False)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--leaves", is_flag=True, help="The entries too: for the DPO or an auditor alone.")
def export(*, folder: Path, leaves: bool) -> None:
    """Write checkpoint and tiles into FOLDER (C2SP tlog-tiles); made again, it goes on.

    Without --leaves it says nothing but hashes, and any web server may serve it.
    """
    try:
        with terminal.progress("writing tiles") as report:
            size = terminal.run(_export(folder, report, leaves=leaves))
    except OSError as wrong:
        raise click.ClickException(f"{folder} cannot be written: {wrong.strerror}") from None
    if not size:
        raise click.ClickException("nothing was sealed yet")
    click.echo(f"{size} entries, in {folder}")


@click.command()
@click.argument("url")
@click.option(
    "--trust",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    required=True,
    help="The public keys: /log/trust, fetched once and compared with others'.",
)
@click.option(
    "--memory",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Where what was seen last is kept.",
)
@click.option(
    "--every",
    type=click.FloatRange(min=1),
    default=60.0,
    show_default=True,
    help="Seconds from look to look.",
)
@click.option("--once", is_flag=True, help="Look once: for a timer.")
@click.option(
    "--stale", type=click.IntRange(min=1), help="Minutes without growth that are too long."
)
def monitor(
    *, url: str, trust: Path, memory: Path, every: float, once: bool, stale: int | None
) -> None:
    """Watch the log at URL from outside: it must be signed, cosigned, and continue what it was.

    Needs no store and no key of ours. Ends with exit code 1 when the log is forged, renamed,
    smaller than it was, forked or stale; with --once also when it is silent or unwitnessed.
    """
    patience = None if stale is None else timedelta(minutes=stale)
    try:
        trusted = monitoring.read_trust(trust)
        asyncio.run(_watch(url.rstrip("/"), trusted, memory, None if once else every, patience))
    except MonitorError as wrong:
        raise click.ClickException(str(wrong)) from None


async def _watch(
    url: str, trust: Trust, place: Path, every: float | None, patience: timedelta | None
) -> None:
    async with httpx2.AsyncClient(timeout=monitoring.TIMEOUT_SECONDS, trust_env=False) as client:
        watch = Watch(client=client, url=url, trust=trust)
        while True:
            fault = await _look(watch, place, patience)
            if fault and (every is None or fault.wrong not in PASSING):
                raise click.ClickException(f"{fault.wrong}: {fault.why}")
            if fault:
                click.echo(f"{fault.wrong}: {fault.why}", err=True)
            if every is None:
                return
            await asyncio.sleep(every)


async def _look(watch: Watch, place: Path, patience: timedelta | None) -> Fault | None:
    memory, now = monitoring.read_memory(place), db.instant()
    seen = await watch.look(memory, now)
    if isinstance(seen, Fault):
        return seen
    if seen.memory != memory:
        monitoring.remember(place, seen.memory)
        click.echo(_grown(seen, memory))
    return monitoring.stale(seen.memory, now, patience) if patience else None


def _grown(seen: Seen, before: Memory | None) -> str:
    head = seen.memory.head
    since = f", {head.size - before.head.size} more" if before else ", seen for the first time"
    by = f"; cosigned by {', '.join(seen.cosigned)}" if seen.cosigned else ""
    return f"{seen.memory.grown_at:%Y-%m-%d %H:%M:%S} {head.origin}: {head.size} entries{since}{by}"


def _entry(text: str) -> UUID | int:
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        return UUID(text)
    except ValueError:
        raise click.UsageError(
            "an entry is named by its identifier, or its number in the tree"
        ) from None


async def _prove(entry: UUID | int) -> str | None:
    async with store.opened() as held, db.read(held.database) as tx:
        id_ = await transparency.at(tx, entry) if isinstance(entry, int) else entry
        public = await log_cosignatures.public(tx, held.settings.witness_terms)
        found = await transparency.inclusion(tx, id_, public) if id_ else None
        leaf = await access_log.octets(tx, id_) if id_ and found else None
        if found is None or leaf is None:
            return None
        return keepsakes.bundle(found, leaf, await log_cosignatures.lines(tx, found.size))


async def _export(folder: Path, report: terminal.Report, *, leaves: bool) -> int:
    async with store.opened() as held:
        return await log_export.export(held.database, folder, report, leaves=leaves)
