"""What is known of a record, sealed by group. Nothing is read without a permit.

One blob per (record, group), and a head per record that authenticates them together.
Writing reads the heads alone: who registers a person need not be able to open a blob.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from policies.disclosure import Permit
from policies.vocabulary import GroupId, SubjectId
from vault import access_log, attribute_heads, log_chains, resealing, sealed_groups
from vault.access_log import Line, Written
from vault.database import Transaction
from vault.envelope_errors import KeyLostError, StalePermitError
from vault.keyring import Keyring
from vault.sealed_groups import Group, Opened, Spot, Values

__all__ = [
    "ROLLED_BACK",
    "Group",
    "Unreadable",
    "Values",
    "rehearse",
    "reveal",
    "store",
    "store_all",
    "written",
]

ROLLED_BACK: Final = "rolled-back"


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """What a permit would have opened does not open. Logged; the rest of the batch is unharmed."""

    record: SubjectId
    group: GroupId
    fault: str
    """`key-lost`, `missing`, `tampered` or `rolled-back`."""


async def store(
    tx: Transaction, keyring: Keyring, record: SubjectId, group: GroupId, values: Mapping[str, Any]
) -> None:
    """Keep these values as the whole of one group of one record; what was there is replaced.

    Values are text, numbers, booleans, None, lists and maps; a date comes back as ISO 8601 text.

    Raises:
        KeyLostError: the record has no key that opens.
        TamperedError: the record's head was altered.
    """
    await store_all(tx, keyring, [Group(record=record, group=group, values=values)])


async def store_all(tx: Transaction, keyring: Keyring, groups: Sequence[Group]) -> None:
    """Keep many groups, of one or many records: as `store`, in a constant number of statements.

    Of two for the same record and group, the later is kept.
    """
    last = {(group.record, group.group): group for group in groups}
    records = sorted({record for record, _ in last})
    if not records:
        return
    # The heads first: while one is locked, its record's key is neither replaced nor destroyed.
    heads = await attribute_heads.rows(tx, records, locked=True)
    keys = await keyring.held(tx, records)
    if len(keys) < len(records):
        raise KeyLostError
    worn = await sealed_groups.write(tx, keys, heads, list(last.values()))
    if worn:
        # Nodes after heads, once in 2**24 writes: should an erasure come the other way, the store
        # ends one of the two. What does not open keeps its key, and the write stands all the same.
        await resealing.renew(tx, keyring, sorted(worn))


async def written(tx: Transaction, records: Sequence[SubjectId]) -> dict[SubjectId, Written]:
    """What these records' writes left, for the lines that log them: ask when all is stored."""
    heads = await attribute_heads.hashes(tx, records)
    return {record: Written(record, head) for record, head in heads.items()}


async def reveal(
    tx: Transaction,
    keyring: Keyring,
    permits: Sequence[Permit],
    *,
    beside: Sequence[Line] = (),
    high_risk: bool = False,
) -> list[Values | Unreadable]:
    """Log every access, then open what the permits name; one answer per permit, in order.

    An attribute never recorded is absent from its answer. `beside` are lines of the same
    batch that open nothing: logged in the same call, so that no two batches cross. With
    `high_risk`, a record whose head is not the one last logged stays shut: it was put back.

    Raises:
        StalePermitError: a permit was decided in another transaction.
        KeyLostError: a person has no log key: nothing can be logged about them.
    """
    if any(permit.decided_at != tx.now for permit in permits):
        raise StalePermitError
    # Log first: if the insert fails, nothing is opened; if opening fails, there is a line
    # too many. In no order is something seen and not logged.
    given = [access_log.for_permit(permit) for permit in permits]
    await access_log.record(tx, keyring, [*beside, *given])
    opened = await _opened(tx, keyring, permits)
    if high_risk:
        opened |= await _put_back(tx, keyring, opened)
    answers = [_answer(permit, opened) for permit in permits]
    faults = [
        access_log.for_fault(permit, answer.fault)
        for permit, answer in zip(permits, answers, strict=True)
        if isinstance(answer, Unreadable)
    ]
    await access_log.record(tx, keyring, faults)
    return answers


async def rehearse(tx: Transaction, times: int) -> None:
    """The work of `reveal` on records that are not there: nothing is opened, nothing is logged.

    For a door that must not tell by the time it takes whether it opened anything.
    """
    if times:
        await sealed_groups.rehearse(tx, times)


async def opened(tx: Transaction, keyring: Keyring, spots: Sequence[Spot]) -> dict[Spot, Opened]:
    """What these groups say, or the fault that keeps each shut. For `vault` alone: logs nothing."""
    keys = await keyring.subject(tx, [record for record, _ in spots], "data")
    found = await sealed_groups.open_all(tx, keys, spots)
    replaced = [spot for spot, values in found.items() if values == sealed_groups.REPLACED]
    if replaced:
        keys = await keyring.again(tx, [record for record, _ in replaced])
        found |= await sealed_groups.open_all(tx, keys, replaced)
    # Sealed under a key that the record does not have, also not a moment later.
    return {
        spot: sealed_groups.TAMPERED if values == sealed_groups.REPLACED else values
        for spot, values in found.items()
    }


async def _opened(
    tx: Transaction, keyring: Keyring, permits: Sequence[Permit]
) -> dict[Spot, Opened]:
    spots = {(opening.record, opening.group) for permit in permits for opening in permit.openings}
    if not spots:
        return {}
    return await opened(tx, keyring, list(spots))


async def _put_back(tx: Transaction, keyring: Keyring, spots: Iterable[Spot]) -> dict[Spot, Opened]:
    records = list({record for record, _ in spots})
    keys = await keyring.subject(tx, records, "log")
    tips = await log_chains.read(tx, keys)
    heads = await attribute_heads.hashes(tx, records)
    logged = {record: tip.head for record, tip in tips.items()}
    return {
        spot: ROLLED_BACK for spot in spots if heads.get(spot[0], b"") != logged.get(spot[0], b"")
    }


def _answer(permit: Permit, opened: Mapping[Spot, Opened]) -> Values | Unreadable:
    answer: Values = {}
    for opening in permit.openings:
        values = opened[opening.record, opening.group]
        if isinstance(values, str):
            return Unreadable(record=opening.record, group=opening.group, fault=values)
        answer.update((name, values[name]) for name in opening.attributes if name in values)
    return answer
