"""XAES-256-GCM: AES-256-GCM with a 192-bit nonce, for keys that many share.

A random 192-bit nonce may be drawn 2**80 times under one key before two are likely
to meet; the 96 bits of plain GCM allow 2**32 (NIST SP 800-38D §8.3).
Source: c2sp.org/XAES-256-GCM, whose two vectors are in the self-test.
"""

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vault.opaque import Opaque

NONCE_BYTES: Final = 24
_REDUCTION: Final = 0x87  # x^128 + x^7 + x^2 + x + 1, as in CMAC (RFC 4493)
_MASK: Final = (1 << 128) - 1
_FIRST: Final = bytes((0, 1, 0x58, 0))
_SECOND: Final = bytes((0, 2, 0x58, 0))


class XAES(Opaque):
    """One 256-bit key; `encrypt` and `decrypt` as `AESGCM` has them."""

    __slots__ = ("_aes", "_subkeys")

    def __init__(self, key: bytes) -> None:
        self._aes = Cipher(algorithms.AES256(key), modes.ECB())  # noqa: S305  (a PRF on single blocks)
        doubled = int.from_bytes(self._blocks(bytes(16)), "big") << 1
        subkey = (doubled & _MASK) ^ (_REDUCTION if doubled >> 128 else 0)
        self._subkeys = subkey << 128 | subkey  # for both blocks at once

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        """Ciphertext and tag."""
        return self._derived(nonce).encrypt(nonce[12:], data, associated_data)

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        """The plaintext.

        Raises:
            InvalidTag: it does not open.
        """
        return self._derived(nonce).decrypt(nonce[12:], data, associated_data)

    def _derived(self, nonce: bytes) -> AESGCM:
        if len(nonce) != NONCE_BYTES:
            raise ValueError("the nonce must be 24 bytes")
        half = nonce[:12]
        blocks = int.from_bytes(_FIRST + half + _SECOND + half, "big") ^ self._subkeys
        return AESGCM(self._blocks(blocks.to_bytes(32, "big")))

    def _blocks(self, blocks: bytes) -> bytes:
        # A context of its own per call: threads may share the key.
        return self._aes.encryptor().update(blocks)
