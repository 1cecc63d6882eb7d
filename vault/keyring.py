"""Every key the service uses, opened from what the root wraps. Shows none of them.

Domain keys are opened once at start; records' keys on demand, in one query per batch,
and kept for five minutes as cipher objects.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

from policies.vocabulary import SubjectId
from vault import (
    domain_keys,
    index_held,
    key_epoch,
    log_origins,
    signing,
    subject_keys,
    tombstones,
)
from vault.box import Box
from vault.ciphers import SealingKey, SubjectKey, shared
from vault.database import Transaction
from vault.domain_keys import Domain
from vault.envelope_errors import KeyLostError, StaleStoreError
from vault.key_cache import KeyCache
from vault.key_tree import Tree
from vault.keys import Keys
from vault.opaque import Deriver, Opaque
from vault.subject_keys import Kind

HOUSE: Final = "log"
"""What seals the case numbers of entries about nobody."""
BELIEVED: Final = timedelta(milliseconds=500)
"""How long what is held is believed before the store is asked whether a key changed.

Half of the second within which an erasure is effective everywhere (design: vault 10).
"""


class Keyring(Opaque):
    """What opens and seals. Made by `open_keyring`; passed as an argument."""

    __slots__ = (
        "_boxes",
        "_checked_at",
        "_domains",
        "_epoch",
        "_erased",
        "_first_seen",
        "_macs",
        "_subjects",
        "_sure",
        "first_origin",
        "house_log",
        "house_logs",
        "indexes",
        "keys",
        "log_marks",
        "log_origin",
        "log_references",
        "signing",
        "trees",
    )

    def __init__(self, keys: Keys, domains: dict[str, Domain]) -> None:
        self.keys = keys
        self.trees = {kind: Tree(kind.value, keys) for kind in Kind}
        self._subjects = {kind: KeyCache() for kind in Kind}
        self._epoch = self._sure = 0
        self._first_seen: datetime | None = None
        self._erased = False
        self._checked_at: datetime | None = None
        self.signing = signing.Held()
        self.indexes = index_held.Held()
        self._take(domains)

    def _take(self, domains: dict[str, Domain]) -> None:
        self._domains = domains
        self._boxes: dict[tuple[str, str], Box] = {}
        self._macs: dict[str, Deriver] = {}
        log = domains["log"]
        keys = {each: shared(log.deriver(each), HOUSE, version=each) for each in log.usable}
        self.house_log: SealingKey = keys[log.active]
        self.house_logs: frozenset[bytes] = frozenset(key.handle for key in keys.values())
        references = domains["log-reference"]
        self.log_references: tuple[Deriver, ...] = tuple(
            Deriver(references.deriver(each).derive(b"v1 logref")) for each in references.usable
        )
        # The log's name (c2sp.org/tlog-checkpoint): two installations never share one.
        first = log.deriver(domain_keys.FIRST)
        self.first_origin = self.log_origin = _origin(first.derive(b"v1 origin"))
        self.log_marks = Deriver(first.derive(b"v1 marks"))

    async def refresh(self, tx: Transaction) -> bool:
        """See whether a key changed since the last look, twice a second at most; whether it looked.

        What was rotated, retired or destroyed anywhere is so here within a second.

        Raises:
            StaleStoreError: the store is behind what was read before.
        """
        if self._checked_at is not None and tx.now - self._checked_at < BELIEVED:
            return False
        await self.look(tx)
        return True

    async def look(self, tx: Transaction) -> bool:
        """See whether a key changed, whatever the clock says; whether one did.

        Raises:
            StaleStoreError: the store is behind what was read before.
        """
        epoch = await key_epoch.read(tx)
        if epoch < self._sure:
            raise StaleStoreError
        changed = epoch != self._epoch
        if changed:
            await self.reload(tx)
            self._first_seen = tx.now
        elif tx.now != self._first_seen:
            # A second transaction sees it: the one that made it did not roll back.
            self._sure = epoch
        self._epoch, self._checked_at = epoch, tx.now
        return changed

    async def reload(self, tx: Transaction) -> None:
        """Take the domains' keys as they stand in the store, and hold no record's key."""
        await asyncio.to_thread(self.keys.reload)
        self._take(await domain_keys.open_all(tx, self.keys))
        await self.name_log(tx)
        self._erased = await tombstones.newest(tx) is not None
        self.forget()

    async def name_log(self, tx: Transaction) -> None:
        """Take the name that the log goes by now."""
        names = await log_origins.taken(tx)
        self.log_origin = names[-1].name if names else self.first_origin

    def forget(self) -> None:
        """Hold no record's key and no node any longer."""
        for kind in Kind:
            self._subjects[kind].clear()
            self.trees[kind].forget()

    @property
    def log_tree(self) -> Tree:
        """What the records' log keys hang from."""
        return self.trees[Kind.LOG]

    def versions(self, domain: str) -> Domain:
        """Which versions of a domain's key are in use: `.active`, and `.usable`, newest first."""
        return self._domains[domain]

    def origin_after(self, signed: str) -> str:
        """The name of the log that goes on after what was signed under another."""
        log = self._domains["log"].deriver(domain_keys.FIRST)
        return _origin(log.derive(b"v1 origin", signed.encode()))

    def blind_index(self, name: str, version: int | None = None) -> bytes:
        """The key of one blind index, in one version; the active one unless said otherwise.

        Raises:
            KeyLostError: that version opens nothing any more.
        """
        return self._domains["blind-index"].deriver(version).derive(b"v1 bidx", name.encode())

    def pairwise(self, programme: str, version: int | None = None) -> bytes:
        """The key of one programme's pairwise identifiers, in one version.

        Raises:
            KeyLostError: that version opens nothing any more.
        """
        return self._domains["pairwise"].deriver(version).derive(b"pairwise/v1", programme.encode())

    def pairwise_index(self, version: int | None = None) -> bytes:
        """The key of the tags by which pairwise identifiers are found, in one version.

        Raises:
            KeyLostError: that version opens nothing any more.
        """
        return self._domains["pairwise"].deriver(version).derive(b"pairwise index/v1")

    def secret(self, purpose: str, version: int | None = None) -> bytes:
        """32 bytes for one purpose that is no sealing: nonces, session MACs.

        Raises:
            KeyLostError: that version opens nothing any more.
        """
        return self._domains["secrets"].deriver(version).derive(b"v1 secret", purpose.encode())

    def mac(self, purpose: str) -> Deriver:
        """What authenticates for one purpose, under the active version of `secret`."""
        found = self._macs.get(purpose)
        if found is None:
            found = self._macs[purpose] = Deriver(self.secret(purpose))
        return found

    def box(self, purpose: str, domain: str = "boxes") -> Box:
        """Seals and opens the secrets of one purpose that belong to no record.

        `domain` names another domain whose versions they are to live and die with.
        """
        found = self._boxes.get((domain, purpose))
        if found is None:
            versions = self._domains[domain]
            keys = {
                version: shared(versions.deriver(version), purpose, version=version)
                for version in versions.usable
            }
            found = self._boxes[domain, purpose] = Box(keys, versions.active, purpose)
        return found

    async def subject(
        self, tx: Transaction, subjects: Sequence[SubjectId], kind: Literal["data", "log"]
    ) -> dict[SubjectId, SubjectKey]:
        """The keys of these records; one that is missing, erased or does not open is left out.

        Raises:
            StaleStoreError: the store is behind what was read before.
        """
        looked = await self.refresh(tx)
        cache = self._subjects[Kind(kind)]
        found, absent = cache.split(subjects, tx.now)
        if absent:
            if not looked:
                await self.look(tx)  # what is kept for minutes is not read from an old view
            epoch = self._epoch
            opened = await subject_keys.read(tx, self.trees[Kind(kind)], absent)
            if kind == "data":
                gone = await self.put_back(tx, list(opened))
                opened = {record: key for record, key in opened.items() if record not in gone}
            if self._epoch == epoch:
                cache.keep(opened, tx.now)
            found.update(opened)
        return found

    async def held(
        self, tx: Transaction, subjects: Sequence[SubjectId]
    ) -> dict[SubjectId, SubjectKey]:
        """The data keys of these records as they stand, whatever is held here.

        For writing, after the heads are locked: what is sealed under a key that was replaced or
        destroyed meanwhile is lost.
        """
        if not subjects:
            return {}
        current = await subject_keys.handles(tx, Kind.DATA, subjects)
        found = await self.subject(tx, list(current), "data")
        moved = [subject for subject, key in found.items() if key.handle != current[subject]]
        return found | (await self.again(tx, moved) if moved else {})

    async def again(
        self, tx: Transaction, subjects: Sequence[SubjectId]
    ) -> dict[SubjectId, SubjectKey]:
        """The data keys of these records, read from the store whatever is held."""
        self._subjects[Kind.DATA].drop(subjects)
        return await self.subject(tx, subjects, "data")

    async def put_back(self, tx: Transaction, subjects: Sequence[SubjectId]) -> set[SubjectId]:
        """Those of these records that are erased and whose key was put back: it opens nothing."""
        return await tombstones.among(tx, self, subjects) if self._erased and subjects else set()

    async def create_subject(self, tx: Transaction, *subjects: SubjectId) -> None:
        """Make the keys of new records: nothing can be kept of one before.

        Raises:
            KeyLostError: one of them is erased, and stays so.
        """
        await self.refresh(tx)
        if self._erased and await tombstones.among(tx, self, subjects):
            raise KeyLostError
        for cache in self._subjects.values():
            cache.drop(subjects)
        await subject_keys.create(tx, self.trees, subjects)


async def open_keyring(tx: Transaction, keys: Keys) -> Keyring:
    """Open every domain key and see that each use has a signing key; the first time, make them.

    Raises:
        TamperedError: a wrapped key was altered or moved.
        KeyLostError: the root that wrapped it is not here.
    """
    keyring = Keyring(keys, await domain_keys.open_all(tx, keys))
    await keyring.name_log(tx)
    await signing.ensure(tx, keyring)
    return keyring


def _origin(octets: bytes) -> str:
    return f"amana.log/{octets[:8].hex()}"
