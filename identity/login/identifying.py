"""Who signs in, by what they typed: their number, or one that they made to stand in for it.

A stand-in number counts here unless it is for one programme or for some uses alone. Whoever
is not on the register, or takes part in nothing any more, is unknown; the work is the same.
"""

from typing import Final
from uuid import UUID

from identity.registry import people, virtual_identifiers
from identity.registry.people import Status
from policies.vocabulary import SubjectId
from vault import blind_index, normalisers
from vault.database import Transaction
from vault.keyring import Keyring

_NOBODY: Final = SubjectId(UUID(int=0))


async def citizen(tx: Transaction, keyring: Keyring, typed: str) -> SubjectId | None:
    """Whose number this is, if they may sign in."""
    number = normalisers.number(typed)
    by_number = await blind_index.find(tx, keyring, "idcs", [number])
    stand_ins = await virtual_identifiers.find(tx, keyring, [(None, typed)])
    found = next(iter(by_number[number]), None)
    stand_in = stand_ins.get((None, typed))
    if found is None and stand_in is not None and stand_in.uses_left is None:
        found = stand_in.subject
    status = await people.statuses(tx, [found or _NOBODY])
    return found if found is not None and status.get(found) is Status.ACTIVE else None
