"""The bytes of one access-log entry: what the Merkle tree commits to. Format v2.

A leaf holds no personal data in the clear. Whom it is about, and the actor's own case
number, are sealed under that person's log key: with the key destroyed the tree still
verifies, and nobody can tell any more. What is sealed is also committed to, so that the
person can show it to others without the key. Leaves of v1 have no commitment.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag

from policies.vocabulary import (
    Action,
    ActorKind,
    AgreementId,
    AttributeId,
    FormId,
    LegalBasis,
    Outcome,
    PurposeId,
    SubjectId,
)
from vault.ciphers import NONCE_SIZES, SealingKey, SubjectKey
from vault.database import EPOCH
from vault.envelope import PADDING_BYTES, pad, unpad
from vault.envelope_errors import TamperedError
from vault.framing import framed
from vault.opaque import Deriver

FORMAT: Final = 2
FORMATS: Final = {1: 0, 2: 32}
"""Formats that are read, and the length of `link` where something is sealed for a person."""
GROUP: Final = "log"
"""The group under which a record's log key seals."""
SALT_BYTES: Final = 16
ROOM_BYTES: Final = 128
"""Holds a case number of 30 letters; a write's head has 64 bytes of its own."""
_MILLISECOND: Final = timedelta(milliseconds=1)
_MICROSECOND: Final = timedelta(microseconds=1)


class Leaf(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One entry, as a MessagePack array in this order. Unknown shapes are refused."""

    format: int
    id: bytes
    at: int
    """Microseconds since 1970-01-01 UTC."""
    actor_kind: ActorKind
    actor: str
    action: Action
    outcome: Outcome
    purpose: PurposeId | None
    basis: LegalBasis | None
    agreement: AgreementId | None
    attributes: tuple[tuple[AttributeId, FormId], ...]
    reasons: tuple[str, ...]
    detail: str | None
    catalogue: str | None
    handle: bytes
    """Of the log key that opens `sealed`; empty if nothing is sealed."""
    sealed: bytes
    link: bytes = b""
    """What `link` makes of the sealed content; empty if the entry is about nobody."""


class Sealed(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What only a log key opens, as a MessagePack array in this order."""

    subject: bytes
    """The person's 16 bytes; empty if the entry is about nobody."""
    case_reference: str | None
    number: int = 0
    """The person's own count of entries, and the hash of the one before; 0 and empty: not kept."""
    previous: bytes = b""
    head: bytes = b""
    """Of a write: the record written (16 bytes) and the hash of its head; empty for other acts."""


_encoder: Final = msgspec.msgpack.Encoder()
_leaves: Final = msgspec.msgpack.Decoder(Leaf)
_sealed: Final = msgspec.msgpack.Decoder(Sealed)


def encode(leaf: Leaf) -> bytes:
    """The leaf's bytes."""
    return _encoder.encode(leaf)


def decode(octets: bytes) -> Leaf:
    """Read a leaf.

    Raises:
        TamperedError: these are not the bytes of a leaf we know.
    """
    try:
        leaf = _leaves.decode(octets)
    except msgspec.DecodeError:
        raise TamperedError from None
    if len(leaf.link) not in {0, FORMATS.get(leaf.format)}:
        raise TamperedError
    return leaf


def handle(octets: bytes) -> bytes:
    """The handle of the log key that opens a leaf; empty if it has none, or is no leaf."""
    try:
        return decode(octets).handle
    except TamperedError:
        return b""


def seal(key: SealingKey, entry: bytes, content: Sealed) -> bytes:
    """Seal whom an entry is about, padded: a case number's length tells nothing."""
    nonce = key.nonce()
    room = ROOM_BYTES + (PADDING_BYTES if content.head else 0)
    padded = pad(_encoder.encode(content)).ljust(room, b"\0")
    return nonce + key.cipher.encrypt(nonce, padded, _bound(key, entry))


def unseal(key: SealingKey, leaf: Leaf) -> Sealed:
    """Open whom an entry is about.

    Raises:
        TamperedError: altered, or moved from another entry.
    """
    cut = NONCE_SIZES[key.suite]
    try:
        padded = key.cipher.decrypt(leaf.sealed[:cut], leaf.sealed[cut:], _bound(key, leaf.id))
        return _sealed.decode(unpad(padded))
    except (InvalidTag, ValueError):  # a nonce cut short, or bytes of another shape
        raise TamperedError from None


def opened(key: SubjectKey, leaf: Leaf) -> Sealed:
    """Open whom an entry is about, and see that it is what the leaf commits to.

    Raises:
        TamperedError: altered, or moved from another entry.
    """
    content = unseal(key.group(GROUP), leaf)
    if leaf.format != 1 and leaf.link != link(salt(key.head, leaf.id), content):
        raise TamperedError
    return content


def salt(key: Deriver, entry: bytes) -> bytes:
    """What makes an entry's link say nothing to who was not given it. One per entry."""
    return key.mac(framed(b"vault/log/salt/v2", entry))[:SALT_BYTES]


def link(salt_: bytes, content: Sealed) -> bytes:
    """The commitment to what is sealed, but for whom it is about."""
    number = content.number.to_bytes(8, "big")
    case = b"" if content.case_reference is None else b"=" + content.case_reference.encode()
    parts = (salt_, number, content.previous, written(content), case)
    return hashlib.sha256(framed(b"vault/log/link/v2", *parts)).digest()


def written(content: Sealed) -> bytes:
    """What a link says of a write: a hash, for a record's identifier never leaves."""
    return hashlib.sha256(content.head).digest() if content.head else b""


def microseconds(instant: datetime) -> int:
    """The instant as a leaf writes it."""
    return (instant - EPOCH) // _MICROSECOND


def instant(leaf: Leaf) -> datetime:
    """When it was logged, aware UTC."""
    return EPOCH + leaf.at * _MICROSECOND


def month(at: datetime) -> str:
    """The month of an entry's tag: `2026-11`, UTC."""
    return f"{at:%Y-%m}"


def tag_input(subject: SubjectId, of_month: str) -> bytes:
    """What a person's tag of one month is the MAC of."""
    return framed(subject.bytes, of_month.encode())


def first_id(at: datetime, noise: bytes = bytes(10)) -> UUID:
    """The entry id of an instant (RFC 9562 version 7): ids sort by time, so time has an index."""
    stamp = ((at - EPOCH) // _MILLISECOND) << 80
    rest = int.from_bytes(noise, "big")
    low, high = rest & ((1 << 62) - 1), (rest >> 62) & 0xFFF
    return UUID(int=stamp | 7 << 76 | high << 64 | 2 << 62 | low)


def _bound(key: SealingKey, entry: bytes) -> bytes:
    return framed(b"vault/log/v1", entry, key.handle)
