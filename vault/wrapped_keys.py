"""The form of a wrapped key, whoever wrapped it: it names its suite and the root that opens it.

    0  1  format 0x01
    1  1  suite (2 XAES-256-GCM in this process, 1 AES-256-GCM in a token)
    2  4  root version, big endian
    6  n  nonce, ciphertext and tag, as the suite has them

The associated data is, each behind its length, "vault/wrap/v1", the header and the place.
"""

import struct
from typing import Final

from vault.envelope_errors import TamperedError
from vault.framing import framed

KEY_BYTES: Final = 32
FORMAT: Final = 1
HEADER_BYTES: Final = 6
_HEADER: Final = struct.Struct(">BBI")


def header(suite: int, version: int) -> bytes:
    """The first bytes of a wrapped key."""
    return _HEADER.pack(FORMAT, suite, version)


def split(wrapped: bytes, suite: int) -> tuple[int, bytes, bytes]:
    """Root version, header and the rest.

    Raises:
        TamperedError: this is no wrapped key of the suite.
    """
    if len(wrapped) <= HEADER_BYTES or wrapped[:2] != bytes((FORMAT, suite)):
        raise TamperedError
    head = wrapped[:HEADER_BYTES]
    return int.from_bytes(head[2:], "big"), head, wrapped[HEADER_BYTES:]


def wrapped_by(wrapped: bytes) -> int:
    """The root version that opens a wrapped key, read without opening it.

    Raises:
        TamperedError: this is no wrapped key.
    """
    if len(wrapped) <= HEADER_BYTES or wrapped[0] != FORMAT:
        raise TamperedError
    return int.from_bytes(wrapped[2:HEADER_BYTES], "big")


def bound(head: bytes, place: bytes) -> bytes:
    """What a wrapped key is bound to."""
    return framed(b"vault/wrap/v1", head, place)
