"""Records sealed anew under the key that is to follow theirs: all of a record, or nothing of it."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import select

from policies.vocabulary import GroupId, SubjectId
from vault import attribute_heads, bulk, envelope, subject_keys
from vault.attribute_heads import Version
from vault.ciphers import SubjectKey
from vault.database import AnyRow, Transaction, spread
from vault.envelope import Place
from vault.envelope_errors import TamperedError
from vault.keyring import Keyring
from vault.randomness import Drawn, Source
from vault.sealed_groups import sealed_attributes
from vault.subject_keys import Kind, Successor

BREATH: Final = 64
"""Records sealed before others have their turn: some five milliseconds."""
SHARE_BYTES: Final = 8 * 1024
"""Random octets drawn at once: about what that takes."""

blobs: Final = select(
    sealed_attributes.c.record,
    sealed_attributes.c.group,
    sealed_attributes.c.row_version,
    sealed_attributes.c.blob,
)
"""What `seal` takes of the blobs, in this order."""


class Anew(msgspec.Struct, frozen=True, kw_only=True):
    """One record, sealed under the key that is to follow; of each group its version and blob."""

    successor: Successor
    head: bytes | None
    """The authenticator of the head as it was read: whoever writes to the record changes it."""
    groups: Mapping[GroupId, tuple[int, bytes]]


async def renew(tx: Transaction, keyring: Keyring, records: Sequence[SubjectId]) -> list[SubjectId]:
    """Give these records new data keys and seal all that is kept of them anew.

    Returns those that were left as they are, because something of them does not open.
    """
    tree = keyring.trees[Kind.DATA]
    grown = await subject_keys.ground(tx, tree, records)
    heads = await attribute_heads.rows(tx, records, locked=True)
    keys = await keyring.held(tx, records)
    query = blobs.where(sealed_attributes.c.record.in_(spread(records)))
    ready = await seal(keys, heads, await tx.connection.execute(query))
    if ready:
        successors = {record: anew.successor for record, anew in ready.items()}
        await subject_keys.succeed(tx, tree, successors, grown)
        await write(tx, ready)
    return [record for record in records if record not in ready]


async def seal(
    keys: Mapping[SubjectId, SubjectKey],
    heads: Mapping[SubjectId, AnyRow],
    found: Iterable[AnyRow],
) -> dict[SubjectId, Anew]:
    """Each of these records under a key of its own; one of which not all opens is left out."""
    of: defaultdict[SubjectId, list[AnyRow]] = defaultdict(list)
    for row in found:
        of[row[0]].append(row)
    ready = {}
    source = Drawn(SHARE_BYTES)
    for number, (record, key) in enumerate(keys.items(), 1):
        if number % BREATH == 0:
            await asyncio.sleep(0)
            source = Drawn(SHARE_BYTES)
        try:
            ready[record] = _anew(record, key, heads.get(record), of.get(record, ()), source)
        except TamperedError:
            continue
    return ready


async def write(tx: Transaction, ready: Mapping[SubjectId, Anew]) -> None:
    """Keep what was sealed anew; the keys that follow are kept already, the heads are locked."""
    keys = {record: anew.successor.sealing for record, anew in ready.items()}
    heads = {
        record: {
            group: attribute_heads.version(number, blob)
            for group, (number, blob) in anew.groups.items()
        }
        for record, anew in ready.items()
        if anew.groups
    }
    changes: list[dict[str, Any]] = [
        {"record": record, "group": group, "blob": blob}
        for record, anew in ready.items()
        for group, (_, blob) in anew.groups.items()
    ]
    await bulk.change(tx, sealed_attributes, ("record", "group"), changes, updated_at=tx.now)
    await attribute_heads.write(tx, keys, heads, heads)


def _anew(
    record: SubjectId,
    key: SubjectKey,
    head: AnyRow | None,
    found: Iterable[AnyRow],
    source: Source,
) -> Anew:
    listed = attribute_heads.opened(key, head) if head is not None else {}
    successor = Successor(key, source)
    groups: dict[GroupId, tuple[int, bytes]] = {}
    for _, group, number, blob in found:
        if listed.get(group) != Version(number, attribute_heads.digest(blob)):
            continue
        place = Place(record=record.bytes, group=group)
        plaintext = envelope.unseal(key.group(group), place, blob, row_version=number)
        sealing = successor.sealing.group(group)
        sealed = envelope.seal(sealing, place, plaintext, row_version=number, source=source)
        groups[group] = number, sealed
    if groups.keys() != listed.keys():
        raise TamperedError
    return Anew(successor=successor, head=None if head is None else bytes(head.mac), groups=groups)
