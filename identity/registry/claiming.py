"""Gives records unique numbers: drawn at random, kept by blind index, drawn again where taken."""

from collections.abc import Callable, Sequence

from policies.vocabulary import SubjectId
from vault import blind_index
from vault.blind_index import Entry, TakenError
from vault.database import Transaction
from vault.keyring import Keyring


async def claim(
    tx: Transaction,
    keyring: Keyring,
    index: str,
    draw: Callable[[], str],
    records: Sequence[SubjectId],
) -> dict[SubjectId, str]:
    """A number for each of these records, in one round unless one was somebody's already."""
    numbers: dict[SubjectId, str] = {}
    while missing := [record for record in records if record not in numbers]:
        drawn = {record: draw() for record in missing}
        try:
            await blind_index.put_all(
                tx,
                keyring,
                [Entry(record=record, name=index, value=it) for record, it in drawn.items()],
            )
        except TakenError:
            owners = await blind_index.find(tx, keyring, index, list(drawn.values()))
            drawn = {record: it for record, it in drawn.items() if owners[it] == [record]}
        numbers |= drawn
    return numbers
