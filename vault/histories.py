"""What a group of a record said before: sealed states that are added and never replaced.

Each state is a group of its own (`index.000001`) under the record's head: one that is
taken away, altered or put back is seen, as with any group.
"""

from collections.abc import Sequence
from typing import Final

from policies.disclosure import Permit
from policies.vocabulary import GroupId, SubjectId
from vault import access_log, attribute_heads, attributes
from vault.attributes import Group, Unreadable, Values
from vault.database import Transaction
from vault.envelope_errors import KeyLostError, StalePermitError
from vault.keyring import Keyring

_DIGITS: Final = 6


async def append(tx: Transaction, keyring: Keyring, states: Sequence[Group]) -> None:
    """Add one state to the history of each of these groups; a record and group stand once.

    Raises:
        KeyLostError: a record has no key that opens.
        TamperedError: a record's head was altered.
    """
    records = sorted({state.record for state in states})
    rows = await attribute_heads.rows(tx, records, locked=True) if records else {}
    keys = await keyring.held(tx, records)
    if any(record not in keys for record in records):
        raise KeyLostError
    heads = {record: attribute_heads.opened(keys[record], row) for record, row in rows.items()}
    await attributes.store_all(
        tx,
        keyring,
        [
            Group(
                record=state.record,
                group=_state(state.group, 1 + len(_past(heads.get(state.record, {}), state.group))),
                values=state.values,
            )
            for state in states
        ],
    )


async def reveal(tx: Transaction, keyring: Keyring, permit: Permit) -> list[Values] | Unreadable:
    """Log the access, then open every state of the groups the permit opens, oldest first.

    Raises:
        StalePermitError: the permit was decided in another transaction.
        KeyLostError: a person has no log key, or a record no key.
        TamperedError: a record's head was altered.
    """
    if permit.decided_at != tx.now:
        raise StalePermitError
    await access_log.record(tx, keyring, [access_log.for_permit(permit)])
    records = sorted({opening.record for opening in permit.openings})
    keys = await keyring.held(tx, records)
    if any(opening.record not in keys for opening in permit.openings):
        raise KeyLostError
    heads = await attribute_heads.read(tx, keys) if keys else {}
    spots = [
        (opening.record, group)
        for opening in permit.openings
        for group in _past(heads.get(opening.record, {}), opening.group)
    ]
    opened = await attributes.opened(tx, keyring, spots) if spots else {}
    found = []
    for record, group in spots:
        values = opened[record, group]
        if isinstance(values, str):
            await access_log.record(tx, keyring, [access_log.for_fault(permit, values)])
            return Unreadable(record=SubjectId(record), group=group, fault=values)
        found.append(values)
    return found


def _past(head: attribute_heads.Head, group: GroupId) -> list[GroupId]:
    return sorted(name for name in head if name[: -_DIGITS - 1] == group)


def _state(group: GroupId, number: int) -> GroupId:
    return GroupId(f"{group}.{number:0{_DIGITS}d}")
