"""One sealed blob, bound to its place: format v1, written down to the byte.

    0  1  format 0x01                          22 32  key commitment
    1  1  suite (1 AES-256-GCM, 2 XAES)        54 12  nonce (24 for suite 2)
    2  8  key handle                           66  n  ciphertext of the padded plaintext
   10  4  key version                             16  tag
   14  8  row version                             (integers are big endian)

The associated data is "vault/v1" and, each behind its length, header bytes 0..53 and the
place. What is unknown is refused; nothing falls through to another key or format.
"""

import hmac
import struct
from functools import lru_cache
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag

from vault.ciphers import NONCE_SIZES, SealingKey
from vault.envelope_errors import TamperedError
from vault.framing import framed
from vault.randomness import Source

FORMAT: Final = 1
PADDING_BYTES: Final = 64
"""Lengths are rounded up to this, so that a ciphertext says little about a name."""
PLAINTEXT_LIMIT_BYTES: Final = 1 << 20
"""A group, its history or a secret takes some kilobytes; what is larger is no work of ours."""
_HEADER: Final = struct.Struct(">BB8sIQ32s")
_TAG_BYTES: Final = 16
_BLOB_LIMIT_BYTES: Final = PLAINTEXT_LIMIT_BYTES + PADDING_BYTES + _HEADER.size + 24 + _TAG_BYTES
_PREFIX: Final = b"vault/v1" + _HEADER.size.to_bytes(2, "big")


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a blob belongs. It opens nowhere else."""

    record: bytes
    """The record's 16 bytes, or the context of a shared secret."""
    group: str
    tenant: str = "amana"
    domain: str = "register"
    schema: int = 1
    purpose_class: str = "social-protection"


def seal(
    key: SealingKey,
    place: Place,
    plaintext: bytes,
    *,
    row_version: int = 0,
    source: Source | None = None,
) -> bytes:
    """Seal bytes for one place; the nonce is of `source`, else of the system.

    Raises:
        ValueError: they are too large.
    """
    if len(plaintext) > PLAINTEXT_LIMIT_BYTES:
        raise ValueError("too large to seal")
    header = _HEADER.pack(FORMAT, key.suite, key.handle, key.version, row_version, key.commitment)
    nonce = key.nonce(source)
    return header + nonce + key.cipher.encrypt(nonce, pad(plaintext), _bound(header, place))


def unseal(key: SealingKey, place: Place, blob: bytes, *, row_version: int = 0) -> bytes:
    """Open bytes sealed for this place.

    Raises:
        TamperedError: altered, moved, put back, or of another kind.
    """
    packed = blob[: _HEADER.size]
    expected = _HEADER.pack(FORMAT, key.suite, key.handle, key.version, row_version, bytes(32))
    start = _HEADER.size + NONCE_SIZES[key.suite]
    if not start + _TAG_BYTES <= len(blob) <= _BLOB_LIMIT_BYTES or packed[:22] != expected[:22]:
        raise TamperedError
    # Before opening: AES-GCM alone would let one blob open under two keys.
    if not hmac.compare_digest(packed[22:], key.commitment):
        raise TamperedError
    try:
        padded = key.cipher.decrypt(blob[_HEADER.size : start], blob[start:], _bound(packed, place))
    except InvalidTag:
        raise TamperedError from None
    return unpad(padded)


def handle(blob: bytes) -> bytes:
    """The handle of the key that a blob names; to be believed only once it opened."""
    return blob[2:10]


def pad(plaintext: bytes) -> bytes:
    """Up to the next multiple of 64 bytes: 0x80, then zeros (ISO/IEC 7816-4)."""
    return plaintext + b"\x80" + bytes(-(len(plaintext) + 1) % PADDING_BYTES)


def unpad(padded: bytes) -> bytes:
    """What was padded.

    Raises:
        TamperedError: this is not our padding.
    """
    stripped = padded.rstrip(b"\x00")
    if len(padded) % PADDING_BYTES or not stripped.endswith(b"\x80"):
        raise TamperedError
    return stripped[:-1]


def _bound(packed: bytes, place: Place) -> bytes:
    before, after = _around(
        place.tenant, place.domain, place.group, place.schema, place.purpose_class
    )
    record = place.record
    return b"".join((_PREFIX, packed, before, len(record).to_bytes(2, "big"), record, after))


@lru_cache(maxsize=1_024)  # few groups, many records
def _around(
    tenant: str, domain: str, group: str, schema: int, purpose_class: str
) -> tuple[bytes, bytes]:
    before = framed(tenant.encode(), domain.encode())
    return before, framed(group.encode(), schema.to_bytes(2, "big"), purpose_class.encode())
