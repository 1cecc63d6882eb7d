"""When each programme was last told «no» or «partial» about somebody: what a guesser spends.

Who is not on record is counted too, under a target that only we can compute, so that an
unknown number and a known one cost and answer the same. The row is locked while a
question is answered: two guesses at once are counted as two.
"""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import JSON, Column, String, Table, Uuid, bindparam, select, update

from policies import guessing
from policies.guessing import Closed
from policies.vocabulary import ProgrammeId
from vault.database import EPOCH, Transaction, insert_new, metadata, spread
from vault.framing import framed
from vault.keyring import Keyring

Target = tuple[UUID, ProgrammeId]
"""About whom, and who asks."""

wrong_answers: Final = Table(
    "wrong_answers",
    metadata,
    Column("target", Uuid, primary_key=True),
    Column("programme", String(64), primary_key=True),
    # Instants in microseconds, the newest few: what is older than a budget is forgotten.
    Column("told", JSON, nullable=False),
)
_KEPT: Final = max(budget.limit for budget in guessing.BUDGETS)
_LONGEST: Final = max(budget.window for budget in guessing.BUDGETS)
_MICROSECOND: Final = timedelta(microseconds=1)
_update: Final = update(wrong_answers).where(
    wrong_answers.c.target == bindparam("of"), wrong_answers.c.programme == bindparam("by")
)


def nobody(keyring: Keyring, identifier: str) -> UUID:
    """The target of an identifier that is nobody's."""
    key = keyring.secret("verification-nobody")
    text = framed(identifier.encode(errors="surrogatepass")[:256])
    return UUID(bytes=hmac.digest(key, text, "sha256")[:16], version=4)


async def told(tx: Transaction, targets: Iterable[Target]) -> dict[Target, list[datetime]]:
    """The wrong answers given lately about each target, locked against any other question."""
    wanted = sorted(set(targets))  # one order for all: no two questions wait for each other
    if not wanted:
        return {}
    rows = [{"target": target, "programme": by, "told": []} for target, by in wanted]
    await insert_new(tx, wrong_answers, rows)
    query = (
        select(wrong_answers.c.target, wrong_answers.c.programme, wrong_answers.c.told)
        .where(
            wrong_answers.c.target.in_(spread([target for target, _ in wanted])),
            wrong_answers.c.programme.in_(spread(sorted({by for _, by in wanted}))),
        )
        .order_by(wrong_answers.c.target, wrong_answers.c.programme)
        .with_for_update()
    )
    held = {
        (row.target, ProgrammeId(row.programme)): row.told
        for row in await tx.connection.execute(query)
    }
    since = tx.now - _LONGEST
    return {
        target: [at for each in held[target] if (at := EPOCH + each * _MICROSECOND) > since]
        for target in wanted
    }


def spent(told: Sequence[datetime], asked_before: int, now: datetime) -> bool:
    """Whether one more question is one too many; those before it in the batch may all be wrong."""
    return isinstance(guessing.allowed([*told, *[now] * asked_before], now), Closed)


async def keep(tx: Transaction, told: Mapping[Target, Sequence[datetime]]) -> None:
    """Remember the wrong answers given about each of these targets."""
    rows: list[dict[str, Any]] = [
        {
            "of": target,
            "by": by,
            "told": [(at - EPOCH) // _MICROSECOND for at in sorted(times)[-_KEPT:]],
        }
        for (target, by), times in told.items()
    ]
    if rows:
        await tx.connection.execute(_update, rows)
