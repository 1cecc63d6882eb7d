"""Sealing keys: a cipher, the name it is known by, and its commitment."""

import secrets
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vault.envelope_errors import RandomnessError
from vault.opaque import Deriver, Opaque, block
from vault.randomness import Source
from vault.xaes import NONCE_BYTES, XAES

AES_256_GCM: Final = 1
XAES_256_GCM: Final = 2
# Numbers kept free, refused as any unknown suite (ADR-0005): 3 AES-SIV, 4 AES-256-GCM-SIV.
NONCE_SIZES: Final = {AES_256_GCM: 12, XAES_256_GCM: NONCE_BYTES}
HANDLE_BYTES: Final = 8


class SealingKey(Opaque):
    """What seals one group of one record, or one kind of shared secret."""

    __slots__ = ("_last", "cipher", "commitment", "handle", "suite", "version")

    def __init__(
        self, *, suite: int, handle: bytes, version: int, cipher: AESGCM | XAES, commitment: bytes
    ) -> None:
        self.suite = suite
        self.handle = handle
        self.version = version
        self.cipher = cipher
        self.commitment = commitment
        self._last = b""

    def nonce(self, source: Source | None = None) -> bytes:
        """A fresh random nonce: a record sees far fewer than 2**32 seals (SP 800-38D §8.3).

        `source` is where it is from; the system, where none is given.

        Raises:
            RandomnessError: it is the one before; a source that is stuck would undo GCM.
        """
        drawn = (source or secrets.token_bytes)(NONCE_SIZES[self.suite])
        if drawn == self._last:
            raise RandomnessError
        self._last = drawn
        return drawn


class SubjectKey(Opaque):
    """The key of one record: everything that seals for it is derived, once, from here."""

    __slots__ = ("_deriver", "_groups", "handle", "head", "version")

    def __init__(self, *, key: bytes, handle: bytes, version: int) -> None:
        self.handle = handle
        self.version = version
        self._deriver = Deriver(key)
        self.head = Deriver(self._deriver.mac(_head_block(version)))
        self._groups: dict[str, SealingKey] = {}

    def group(self, name: str) -> SealingKey:
        """The sealing key of one group: encryption and commitment derived apart."""
        found = self._groups.get(name)
        if found is None:
            found = self._groups[name] = self._derive(name)
        return found

    def _derive(self, name: str) -> SealingKey:
        encryption, commitment = _blocks(name, self.version)
        return SealingKey(
            suite=AES_256_GCM,
            handle=self.handle,
            version=self.version,
            cipher=AESGCM(self._deriver.mac(encryption)),
            commitment=self._deriver.mac(commitment),
        )


@lru_cache(maxsize=1_024)
def _head_block(version: int) -> bytes:
    return block(b"v1 head", version.to_bytes(4, "big"))


@lru_cache(maxsize=1_024)  # few groups and versions, many records
def _blocks(group: str, version: int) -> tuple[bytes, bytes]:
    place = (group.encode(), version.to_bytes(4, "big"))
    return block(b"v1 enc", *place), block(b"v1 com", *place)


def shared(deriver: Deriver, purpose: str, *, version: int = 1) -> SealingKey:
    """The sealing key of one purpose under a key that is not per record."""
    place = (purpose.encode(), version.to_bytes(4, "big"))
    return SealingKey(
        suite=XAES_256_GCM,
        handle=deriver.derive(b"v1 shared handle", *place)[:HANDLE_BYTES],
        version=version,
        cipher=XAES(deriver.derive(b"v1 shared enc", *place)),
        commitment=deriver.derive(b"v1 shared com", *place),
    )
