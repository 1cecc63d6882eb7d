"""Every key the service uses, opened from what the root wraps. Shows none of them.

Domain keys are opened once at start; records' keys on demand, in one query per batch,
and kept for five minutes as cipher objects.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

from policies.vocabulary import SubjectId
from vault import domain_keys, signing, subject_keys
from vault.box import Box
from vault.ciphers import SealingKey, SubjectKey, shared
from vault.database import Transaction
from vault.domain_keys import Domain
from vault.keys import Keys
from vault.opaque import Deriver, Opaque
from vault.subject_keys import Kind

CACHED_SECONDS: Final = 300
CACHED_KEYS: Final = 50_000
"""Records per process; about 3 kB each (reference: measured in pure Python)."""


class Keyring(Opaque):
    """What opens and seals. Made by `open_keyring`; passed as an argument."""

    __slots__ = (
        "_boxes",
        "_domains",
        "_subjects",
        "house_log",
        "keys",
        "log_origin",
        "log_references",
        "signing",
    )

    def __init__(self, keys: Keys, domains: dict[str, Domain]) -> None:
        self.keys = keys
        self._subjects = {Kind.DATA: KeyCache(), Kind.LOG: KeyCache()}
        self.signing = signing.Held()
        self._take(domains)

    def _take(self, domains: dict[str, Domain]) -> None:
        self._domains = domains
        self._boxes: dict[tuple[str, str], Box] = {}
        log = domains["log"].deriver(domain_keys.FIRST)
        self.house_log: SealingKey = shared(log, "log")
        self.log_references = Deriver(self.log_reference)
        # The log's name (c2sp.org/tlog-checkpoint): two installations never share one.
        self.log_origin = f"amana.log/{log.derive(b'v1 origin')[:8].hex()}"

    async def reload(self, tx: Transaction) -> None:
        """Take the domains' keys as they stand in the store, after a rotation or a retirement."""
        self._take(await domain_keys.open_all(tx, self.keys))

    def versions(self, domain: str) -> Domain:
        """Which versions of a domain's key are in use: `.active`, and `.usable`, newest first."""
        return self._domains[domain]

    @property
    def log_reference(self) -> bytes:
        """The key of the monthly subject tags of the access log."""
        return self._domains["log-reference"].deriver(domain_keys.FIRST).derive(b"v1 logref")

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

    def secret(self, purpose: str) -> bytes:
        """32 bytes for one purpose that is no sealing: nonces, session MACs."""
        return self._domains["secrets"].deriver().derive(b"v1 secret", purpose.encode())

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
        """The keys of these records; one that is missing or does not open is left out."""
        cache = self._subjects[Kind(kind)]
        found, absent = cache.split(subjects, tx.now)
        if absent:
            opened = await subject_keys.read(tx, self.keys, absent, Kind(kind))
            cache.keep(opened, tx.now)
            found.update(opened)
        return found

    async def create_subject(self, tx: Transaction, *subjects: SubjectId) -> None:
        """Make the keys of new records: nothing can be kept of one before."""
        for cache in self._subjects.values():
            cache.drop(subjects)
        await subject_keys.create(tx, self.keys, subjects)


class KeyCache(Opaque):
    """Records' keys as cipher objects, bounded in number and in time."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[SubjectId, tuple[datetime, SubjectKey]] = {}

    def split(
        self, subjects: Sequence[SubjectId], now: datetime
    ) -> tuple[dict[SubjectId, SubjectKey], list[SubjectId]]:
        """Those held and not too old, and those to be read."""
        found, absent = {}, []
        for subject in dict.fromkeys(subjects):
            until, key = self._held.get(subject, (now, None))
            if key is not None and now < until:
                found[subject] = key
            else:
                absent.append(subject)
        return found, absent

    def keep(self, opened: dict[SubjectId, SubjectKey], now: datetime) -> None:
        """Hold for a while; the oldest make room."""
        until = now + timedelta(seconds=CACHED_SECONDS)
        for subject, key in opened.items():
            self._held.pop(subject, None)  # so that it moves to the end: the order is by age
            self._held[subject] = (until, key)
        while len(self._held) > CACHED_KEYS:
            del self._held[next(iter(self._held))]

    def drop(self, subjects: Sequence[SubjectId]) -> None:
        """Hold no longer."""
        for subject in subjects:
            self._held.pop(subject, None)


async def open_keyring(tx: Transaction, keys: Keys) -> Keyring:
    """Open every domain key and see that each use has a signing key; the first time, make them.

    Raises:
        TamperedError: a wrapped key was altered or moved.
        KeyLostError: the root that wrapped it is not here.
    """
    keyring = Keyring(keys, await domain_keys.open_all(tx, keys))
    await signing.ensure(tx, keyring)
    return keyring
