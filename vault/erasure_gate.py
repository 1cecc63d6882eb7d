"""Whether the store remembers every erasure it must: if not, nobody is answered from it.

Asked of three witnesses that cannot all be put back at once: the chain of tombstones in the
store, the entries of the access log, and the journal outside (threats 16 and 44).
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

from sqlalchemy import delete, select

from policies.vocabulary import Action
from vault import erasing, log_leaf, tombstones
from vault.database import Transaction, batches, spread
from vault.envelope_errors import TamperedError
from vault.keyring import Keyring
from vault.log_tables import access_log
from vault.tombstones import BEGINNING, Tombstone

PAGE: Final = 1_000
FEW: Final = 16


class Why(StrEnum):
    """Why the service stays closed."""

    CHAIN_BROKEN = "chain-broken"
    """A tombstone is missing among the others, or was altered."""
    NO_JOURNAL = "no-journal"
    """The journal outside is not there: nobody can say what it knew."""
    BEHIND_JOURNAL = "behind-journal"
    """The journal outside knows of erasures that the store does not."""
    BEHIND_LOG = "behind-log"
    """The access log has an erasure of which no tombstone stands."""
    REVIVED = "revived"
    """Something of an erased record is there again."""


async def ends_differ(
    tx: Transaction, keyring: Keyring, journal: Sequence[Tombstone] | None
) -> list[Why]:
    """Why the service must stay closed, by the last of `journal` and what came after it alone.

    It costs the same after a million erasures, and sees a store that was put back whole. What
    was done to the middle, or to some tables alone, `closed` sees.
    """
    if journal is None:
        return [Why.NO_JOURNAL]
    why = []
    last = journal[-1] if journal else None
    if last and await tombstones.numbered(tx, [last.number]) != [last]:
        why.append(Why.BEHIND_JOURNAL)
    if await _breaks_after(tx, keyring, last):
        why.append(Why.CHAIN_BROKEN)
    told = await _last_logged(tx)
    stands = await tombstones.numbered(tx, [told.number]) if told else []
    if told and [stone.tag for stone in stands] != [told.tag]:
        why.append(Why.BEHIND_LOG)
    return why


async def closed(
    tx: Transaction, keyring: Keyring, journal: Sequence[Tombstone] | None
) -> list[Why]:
    """Every reason why the service must stay closed; none: it may open.

    It looks at every record there is: seconds per million.
    """
    why = [Why.NO_JOURNAL] if journal is None else []
    stones = await _all(tx)
    if tombstones.broken(keyring, stones):
        why.append(Why.CHAIN_BROKEN)
    there = {stone.number: stone for stone in stones}
    if any(there.get(stone.number) != stone for stone in journal or ()):
        why.append(Why.BEHIND_JOURNAL)
    if any(
        stone.number not in there or there[stone.number].tag != stone.tag
        for stone in await logged(tx)
    ):
        why.append(Why.BEHIND_LOG)
    async for _ in erasing.revived(tx, keyring):
        why.append(Why.REVIVED)
        break
    return why


async def replay(tx: Transaction, keyring: Keyring, journal: Sequence[Tombstone]) -> int:
    """Put back the tombstones that the journal and the log know of; how many were not there.

    What there is of their records is then `erasing.revived`, to be erased again.

    Raises:
        TamperedError: the journal, the log and the store do not tell one story.
    """
    stones = await _all(tx)
    told = _one_story(keyring, [*stones, *await logged(tx), *journal])
    there = {stone.number: stone for stone in stones}
    missing = [stone for stone in told if there.get(stone.number) != stone]
    wrong = [stone.number for stone in missing if stone.number in there]
    for some in batches(wrong, PAGE):
        where = tombstones.tombstones.c.number.in_(spread(some))
        await tx.connection.execute(delete(tombstones.tombstones).where(where))
    await tombstones.put_back(tx, missing)
    return len(missing)


async def logged(tx: Transaction) -> list[Tombstone]:
    """The tombstones as the access log has them, without the link to the one before."""
    told = map(_told, await tx.connection.scalars(_erasures.order_by(access_log.c.id)))
    return [stone for stone in told if stone is not None]


async def _last_logged(tx: Transaction) -> Tombstone | None:
    """One of the newest erasure; a replay's own entries, which have none, are passed over."""
    newest_first = _erasures.order_by(access_log.c.id.desc()).limit(FEW)
    skipped = 0
    while leaves := (await tx.connection.scalars(newest_first.offset(skipped))).all():
        if told := next(filter(None, map(_told, leaves)), None):
            return told
        skipped += FEW
    return None


async def _breaks_after(tx: Transaction, keyring: Keyring, last: Tombstone | None) -> bool:
    """Whether the chain is broken behind this tombstone, from the beginning if it is none."""
    number = last.number if last else 0
    while page := await tombstones.after(tx, number, limit=PAGE):
        if tombstones.broken(keyring, page, last):
            return True
        last = page[-1]
        number = last.number
    return False


def _told(leaf: bytes) -> Tombstone | None:
    entry = log_leaf.decode(leaf)
    return tombstones.from_detail(entry.detail, log_leaf.instant(entry))


def _one_story(keyring: Keyring, told: Iterable[Tombstone]) -> list[Tombstone]:
    """One tombstone per number, each linked to the one before: the last teller has the word."""
    by_number = {stone.number: stone for stone in told}
    story: list[Tombstone] = []
    link = BEGINNING
    for number in range(1, len(by_number) + 1):
        stone = by_number.get(number)
        if stone is None:
            raise TamperedError
        made = tombstones.linked(keyring, link, stone)
        if stone.link not in {b"", made.link}:  # the log has no links
            raise TamperedError
        story.append(made)
        link = made.link
    return story


async def _all(tx: Transaction) -> list[Tombstone]:
    stones: list[Tombstone] = []
    while page := await tombstones.after(tx, stones[-1].number if stones else 0, limit=PAGE):
        stones += page
    return stones


_erasures: Final = select(access_log.c.leaf).where(access_log.c.action == Action.ERASE.value)
