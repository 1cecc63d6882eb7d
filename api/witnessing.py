"""Has the log witnessed: sends its new sizes to the witnesses, and keeps what they cosign.

A witness that is silent or refuses is told of; it never stops the service.
"""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from http import HTTPStatus
from typing import Final

import httpx2
import msgspec

from api import observing
from api.settings import WitnessPlace
from vault import database as db
from vault import log_cosignatures, log_note, transparency
from vault.database import Database, Transaction
from vault.log_cosignatures import Outcome
from vault.transparency import Checkpoint

PAUSE_SECONDS: Final = 1.0
PAUSE_AFTER_REFUSAL_SECONDS: Final = 15.0
AGAIN: Final = timedelta(minutes=5)
"""A log at rest is cosigned again after this: it shows that both are alive."""
SILENT: Final = timedelta(minutes=10)
"""Without a cosignature for this long, it is said aloud (metric, log line, console)."""
TIMEOUT_SECONDS: Final = 5.0
ANSWER_BYTES: Final = 16 * 1024
_REFUSALS: Final[dict[int, Outcome]] = {
    HTTPStatus.FORBIDDEN: Outcome.KEY_UNKNOWN,
    HTTPStatus.NOT_FOUND: Outcome.LOG_UNKNOWN,
    HTTPStatus.UNPROCESSABLE_ENTITY: Outcome.FORKED,
}


class _Answer(msgspec.Struct, frozen=True):
    status: int
    text: str


async def run(database: Database, place: WitnessPlace) -> None:
    """Submit to one witness until cancelled."""
    name = place.verifier.name
    async with _client() as client:
        while True:
            try:
                outcome = await submit(database, client, place)
                await _watch(database, name)
            except Exception:  # noqa: BLE001  (whatever it was, the next round starts anew)
                observing.logger.exception("witness", witness=name)
                outcome = Outcome.UNREACHABLE
            met = outcome in {None, Outcome.COSIGNED}
            await asyncio.sleep(PAUSE_SECONDS if met else PAUSE_AFTER_REFUSAL_SECONDS)


async def submit(
    database: Database, client: httpx2.AsyncClient, place: WitnessPlace
) -> Outcome | None:
    """Have the newest size cosigned, if it is not. Returns what came of it; None: nothing to do."""
    name = place.verifier.name
    async with db.read(database) as tx:
        newest = await transparency.checkpoint(tx)
        before = await log_cosignatures.standing(tx, name)
    old = before.cosigned_size if before else 0
    if newest is None or (
        before
        and old == newest.size
        and before.outcome is Outcome.COSIGNED
        and db.instant() - before.at < AGAIN
    ):
        return None
    outcome, line = await _ask(database, client, place, newest, min(old, newest.size))
    async with db.begin(database) as tx:
        if line is not None:
            await log_cosignatures.cosigned(tx, name, newest.size, line)
        else:
            await log_cosignatures.refused(tx, name, outcome, newest.size)
    if outcome is not Outcome.COSIGNED:
        observing.logger.error(
            "witness refuses", witness=name, outcome=outcome.value, size=newest.size
        )
    return outcome


@asynccontextmanager
async def running(database: Database, places: tuple[WitnessPlace, ...]) -> AsyncIterator[None]:
    """Submit to every witness beside the sequencer; stops with it."""
    tasks = [asyncio.create_task(run(database, place)) for place in places]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


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
        body = await _body(tx, newest, old)
    try:
        async with (
            asyncio.timeout(2 * TIMEOUT_SECONDS),
            client.stream("POST", f"{place.url}/add-checkpoint", content=body) as response,
        ):
            octets = b""
            async for part in response.aiter_bytes():
                octets += part
                if len(octets) > ANSWER_BYTES:
                    return None
            return _Answer(response.status_code, octets.decode())
    except (httpx2.HTTPError, TimeoutError, UnicodeDecodeError):
        return None


async def _body(tx: Transaction, newest: Checkpoint, old: int) -> bytes:
    hashes = await log_cosignatures.consistency(tx, old, newest.size) if old else []
    proof = "".join(f"{base64.b64encode(each).decode()}\n" for each in hashes)
    return f"old {old}\n{proof}\n{newest.note}".encode()


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


async def _watch(database: Database, name: str) -> None:
    async with db.read(database) as tx:
        stands = await log_cosignatures.standing(tx, name)
        newest = await transparency.checkpoint(tx)
    if stands is None or newest is None:
        return
    age = tx.now - stands.cosigned_at if stands.cosigned_at else None
    observing.cosignature_age.labels(name).set(age.total_seconds() if age else float("inf"))
    if age is None or age > SILENT:
        observing.logger.error("log not cosigned", witness=name, outcome=stands.outcome.value)
