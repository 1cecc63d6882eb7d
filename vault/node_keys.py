"""Keys that only wrap other keys: the nodes of the shred tree. Each wrap is bound to its place."""

import secrets

from cryptography.exceptions import InvalidTag

from vault.envelope_errors import TamperedError
from vault.framing import framed
from vault.opaque import Opaque
from vault.randomness import Source
from vault.xaes import NONCE_BYTES, XAES


class NodeKey(Opaque):
    """One version of one node's key (XAES-256-GCM: many wraps share it)."""

    __slots__ = ("_cipher", "version")

    def __init__(self, key: bytes, version: int) -> None:
        self._cipher = XAES(key)
        self.version = version

    def wrap(self, key: bytes, place: bytes, source: Source | None = None) -> bytes:
        """Nonce, ciphertext and tag: 72 bytes for a key of 32. The nonce is of `source`."""
        nonce = (source or secrets.token_bytes)(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key, self._bound(place))

    def unwrap(self, wrapped: bytes, place: bytes) -> bytes:
        """The key.

        Raises:
            TamperedError: altered, moved, or wrapped by another version.
        """
        try:
            return self._cipher.decrypt(
                wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], self._bound(place)
            )
        except (InvalidTag, ValueError):  # or a nonce cut short
            raise TamperedError from None

    def _bound(self, place: bytes) -> bytes:
        return framed(b"vault/node/v1", self.version.to_bytes(4, "big"), place)
