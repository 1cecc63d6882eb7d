"""Has the log witnessed: sends its new sizes to the witnesses, and keeps what they cosign.

A witness that is silent or refuses is told of; it never stops the service.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from math import inf
from typing import Final

import httpx2
import msgspec

from api import observing, rounds
from api.settings import Settings, WitnessPlace
from vault import database as db
from vault import log_cosignatures, log_note, transparency
from vault.database import Database
from vault.log_cosignatures import Outcome, Standing
from vault.transparency import Checkpoint

PAUSE_SECONDS: Final = 3.0
PAUSE_AFTER_REFUSAL_SECONDS: Final = 15.0
PAUSE_OF_WATCH_SECONDS: Final = 15.0
TIMEOUT_SECONDS: Final = 5.0
"""Of one submission as a whole: who stops the service waits for the round under way."""
ANSWER_BYTES: Final = 16 * 1024
_REFUSALS: Final[dict[int, Outcome]] = {
    HTTPStatus.FORBIDDEN: Outcome.KEY_UNKNOWN,
    HTTPStatus.NOT_FOUND: Outcome.LOG_UNKNOWN,
    HTTPStatus.UNPROCESSABLE_ENTITY: Outcome.FORKED,
}


class _Answer(msgspec.Struct, frozen=True):
    status: int
    text: str


@asynccontextmanager
async def running(database: Database, settings: Settings) -> AsyncIterator[None]:
    """Submit to every witness beside the block."""
    again = settings.witness_terms.silence / 2
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(_client())
        for place in settings.witness_places:
            work = partial(_round, database, client, place, again)
            await stack.enter_async_context(rounds.beside("witness", work))
        yield


@asynccontextmanager
async def watching(database: Database, settings: Settings) -> AsyncIterator[None]:
    """Tell beside the block how long ago each witness cosigned, in the figures."""
    terms = settings.witness_terms

    async def work() -> float:
        async with db.read(database) as tx:
            ages = await log_cosignatures.ages(tx, terms)
        for name, age in ages.items():
            observing.cosignature_age.labels(name).set(age.total_seconds() if age else inf)
        observing.cosignature_missing.set(log_cosignatures.silent(ages, terms))
        return min(PAUSE_OF_WATCH_SECONDS, terms.silence.total_seconds() / 2)

    async with rounds.beside("witness.watch", work) if terms.names else nullcontext():
        yield


async def submit(
    database: Database, client: httpx2.AsyncClient, place: WitnessPlace, again: timedelta
) -> Outcome | None:
    """Have the newest size cosigned. Returns what came of it; None: there is nothing to do.

    A log at rest is cosigned `again` after this long: it shows that both are alive.
    """
    name = place.verifier.name
    async with db.read(database) as tx:
        newest = await transparency.checkpoint(tx)
        before = await log_cosignatures.standing(tx, name)
    if newest is None or (before and _fresh(before, newest, again)):
        return None
    old = min(before.cosigned_size if before else 0, newest.size)
    outcome, line = await _ask(database, client, place, newest, old)
    async with db.begin(database) as tx:
        if line is not None:
            await log_cosignatures.cosigned(tx, name, newest.size, line)
        else:
            await log_cosignatures.refused(tx, name, outcome, newest.size)
    return outcome


async def _round(
    database: Database, client: httpx2.AsyncClient, place: WitnessPlace, again: timedelta
) -> float:
    outcome = await submit(database, client, place, again)
    if outcome in {None, Outcome.COSIGNED}:
        return min(PAUSE_SECONDS, again.total_seconds())
    observing.logger.error("not cosigned", witness=place.verifier.name, outcome=outcome)
    return PAUSE_AFTER_REFUSAL_SECONDS


def _fresh(before: Standing, newest: Checkpoint, again: timedelta) -> bool:
    met = before.outcome is Outcome.COSIGNED and before.cosigned_size == newest.size
    return met and db.instant() - before.at < again


def _client() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False)


async def _ask(
    database: Database,
    client: httpx2.AsyncClient,
    place: WitnessPlace,
    newest: Checkpoint,
    old: int,
) -> tuple[Outcome, str | None]:
    answer = await _send(database, client, place, newest, old)
    if answer and answer.status == HTTPStatus.CONFLICT:
        size = _size(answer.text)
        if size is not None and size > newest.size:
            return await _ahead(database, size), None
        if size == old:
            return Outcome.FORKED, None  # of one size, and not the same tree
        answer = None if size is None else await _send(database, client, place, newest, size)
        if answer and answer.status == HTTPStatus.CONFLICT:
            return (Outcome.FORKED if _size(answer.text) == size else Outcome.UNREACHABLE), None
    if answer is None:
        return Outcome.UNREACHABLE, None
    if answer.status != HTTPStatus.OK:
        return _REFUSALS.get(answer.status, Outcome.UNREACHABLE), None
    line = _verified(answer.text, newest, place)
    return (Outcome.UNREACHABLE if line is None else Outcome.COSIGNED), line


async def _ahead(database: Database, size: int) -> Outcome:
    """Whether a witness has seen more than there is, or another sequencer was faster."""
    async with db.read(database) as tx:
        newest = await transparency.checkpoint(tx)
    return Outcome.UNREACHABLE if newest and newest.size >= size else Outcome.AHEAD


async def _send(
    database: Database,
    client: httpx2.AsyncClient,
    place: WitnessPlace,
    newest: Checkpoint,
    old: int,
) -> _Answer | None:
    async with db.read(database) as tx:
        body = await log_cosignatures.growth(tx, old, newest)
    try:
        async with (
            asyncio.timeout(TIMEOUT_SECONDS),
            client.stream("POST", f"{place.url}/add-checkpoint", content=body.encode()) as response,
        ):
            octets = b""
            async for part in response.aiter_bytes():
                octets += part
                if len(octets) > ANSWER_BYTES:
                    return None
            return _Answer(response.status_code, octets.decode())
    except (httpx2.HTTPError, TimeoutError, UnicodeDecodeError):
        return None


def _size(text: str) -> int | None:
    digits = text.removesuffix("\n")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None  # noqa: PLR2004  (2**63 has 19)


def _verified(text: str, newest: Checkpoint, place: WitnessPlace) -> str | None:
    """The line of the witness we know, if it holds; lines of other keys are ignored."""
    note = log_note.take_apart(newest.note)
    for line in text.splitlines():
        found = log_note.read_signature(line)
        if note and found and log_note.cosigned_at(note.text, found, place.verifier) is not None:
            return found.line()
    return None
