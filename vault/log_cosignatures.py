"""Who outside has seen the log grow: cosignatures of its sizes, and how each witness stands."""

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, Column, String, Table, Text, func, insert, select, update

from vault import log_tree, merkle, transparency
from vault.database import Instant, Transaction, fetch_all, fetch_one, insert_new, metadata
from vault.envelope_errors import TamperedError
from vault.transparency import Checkpoint

NAME_CHARACTERS: Final = 256

log_cosignature: Final = Table(
    "log_cosignature",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("witness", String(NAME_CHARACTERS), primary_key=True),
    Column("line", Text, nullable=False),
    Column("at", Instant, nullable=False),
)
log_witness: Final = Table(
    "log_witness",
    metadata,
    Column("witness", String(NAME_CHARACTERS), primary_key=True),
    Column("outcome", String(16), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("cosigned_size", BigInteger, nullable=False),
    Column("cosigned_at", Instant),
)


class Outcome(StrEnum):
    """What a witness answered last."""

    COSIGNED = "cosigned"
    AHEAD = "ahead"
    """It has cosigned a longer log than ours: ours was cut short."""
    FORKED = "forked"
    """Our log does not continue what it has cosigned."""
    KEY_UNKNOWN = "key-unknown"
    LOG_UNKNOWN = "log-unknown"
    UNREACHABLE = "unreachable"
    """No answer, or one that is no answer."""


ACCUSING: Final = frozenset({Outcome.AHEAD, Outcome.FORKED})
"""Outcomes that silence does not cover up."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a deployment asks of its witnesses."""

    names: frozenset[str] = frozenset()
    quorum: int = 1
    """How many of them make a checkpoint public."""
    silence: timedelta = timedelta(minutes=10)
    """Fewer than that for longer than this is an alarm."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How one witness stands to the log."""

    witness: str
    outcome: Outcome
    size: int
    """The size it last answered for."""
    at: datetime
    cosigned_size: int = 0
    cosigned_at: datetime | None = None


async def consistency(tx: Transaction, old: int, new: int) -> list[bytes]:
    """The proof that the log of size `new` continues that of size `old`.

    Raises:
        ValueError: the sizes are not in order, or the older log is empty.
        TamperedError: a tile it needs is not whole.
    """
    if not 0 < old <= new:
        raise ValueError("the older log must be the smaller, and not empty")
    # The proof walks to where the older log ends: along the path of its last leaf.
    tiles = await log_tree.for_inclusion(tx, [old - 1], new)
    proof = merkle.consistency(old, new, tiles.node)
    signed = await transparency.checkpoint(tx, new)
    older = await transparency.checkpoint(tx, old)
    if signed and older and not merkle.consistent(old, new, older.root, signed.root, proof):
        raise TamperedError
    return proof


async def growth(tx: Transaction, old: int, newest: Checkpoint) -> str:
    """That a log continues an older one, as text (c2sp.org/tlog-witness); 0: it is the first.

    Raises:
        ValueError: the older log is the larger.
        TamperedError: a tile it needs is not whole.
    """
    hashes = await consistency(tx, old, newest.size) if old else []
    proof = "".join(f"{base64.b64encode(each).decode()}\n" for each in hashes)
    return f"old {old}\n{proof}\n{await note(tx, newest)}"


async def published(tx: Transaction, terms: Terms) -> Checkpoint | None:
    """The checkpoint to show: the newest that enough witnesses cosigned.

    Their silence hides nothing for long: it is the newest of all while the alarm goes, and
    where none is named.
    """
    if not terms.names or silent(await ages(tx, terms), terms):
        return await transparency.checkpoint(tx)
    return await public(tx, terms)


async def public(tx: Transaction, terms: Terms) -> Checkpoint | None:
    """The newest checkpoint that enough witnesses cosigned; None before the first."""
    size = (
        select(log_cosignature.c.size)
        .where(log_cosignature.c.witness.in_(terms.names))
        .group_by(log_cosignature.c.size)
        .having(func.count() >= terms.quorum)
        .order_by(log_cosignature.c.size.desc())
        .limit(1)
    )
    found = await tx.connection.scalar(size)
    return None if found is None else await transparency.checkpoint(tx, found)


async def ages(tx: Transaction, terms: Terms) -> dict[str, timedelta | None]:
    """How long ago each witness last cosigned; None: it never did."""
    stands = {each.witness: each.cosigned_at for each in await standings(tx)}
    return {
        name: None if (at := stands.get(name)) is None else tx.now - at
        for name in sorted(terms.names)
    }


def silent(ages: Mapping[str, timedelta | None], terms: Terms) -> bool:
    """Whether too few have cosigned lately. Never, where none is named."""
    lately = sum(age is not None and age <= terms.silence for age in ages.values())
    return bool(terms.names) and lately < terms.quorum


async def note(tx: Transaction, checkpoint: Checkpoint) -> str:
    """A checkpoint's note with what its witnesses cosigned."""
    return "".join([checkpoint.note, *await lines(tx, checkpoint.size)])


async def cosigned(tx: Transaction, witness: str, size: int, line: str) -> None:
    """Keep a cosignature that was verified: of each size the latest."""
    row = {"size": size, "witness": witness, "line": line, "at": tx.now}
    where = (log_cosignature.c.size == size, log_cosignature.c.witness == witness)
    done = await tx.connection.execute(update(log_cosignature).where(*where).values(row))
    if not done.rowcount:
        await insert_new(tx, log_cosignature, [row])
    changes = {"cosigned_size": size, "cosigned_at": tx.now}
    await _stands(tx, witness, Outcome.COSIGNED, size, changes)


async def refused(tx: Transaction, witness: str, outcome: Outcome, size: int) -> None:
    """Keep that a witness did not cosign, and why. An accusation outlives silence."""
    before = await standing(tx, witness)
    if before and before.outcome in ACCUSING and outcome is Outcome.UNREACHABLE:
        return
    await _stands(tx, witness, outcome, size, {})


async def standing(tx: Transaction, witness: str) -> Standing | None:
    """How one witness stands; None if it was never asked."""
    return await fetch_one(tx, _standings().where(log_witness.c.witness == witness), Standing)


async def standings(tx: Transaction) -> list[Standing]:
    """How every witness stands that was ever asked, by name."""
    return await fetch_all(tx, _standings().order_by(log_witness.c.witness), Standing)


async def lines(tx: Transaction, size: int) -> list[str]:
    """The cosignatures of one size, by name of the witness."""
    query = select(log_cosignature.c.line).where(log_cosignature.c.size == size)
    return list(await tx.connection.scalars(query.order_by(log_cosignature.c.witness)))


def _standings() -> Any:
    return select(
        log_witness.c.witness,
        log_witness.c.outcome,
        log_witness.c.size,
        log_witness.c.at,
        log_witness.c.cosigned_size,
        log_witness.c.cosigned_at,
    )


async def _stands(
    tx: Transaction, witness: str, outcome: Outcome, size: int, changes: dict[str, Any]
) -> None:
    row = {"outcome": outcome.value, "size": size, "at": tx.now, **changes}
    done = await tx.connection.execute(
        update(log_witness).where(log_witness.c.witness == witness).values(row)
    )
    if not done.rowcount:
        await tx.connection.execute(
            insert(log_witness).values({"witness": witness, "cosigned_size": 0, **row})
        )
