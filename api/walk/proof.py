"""The mathematics of an inclusion proof, written down a second time: a stranger trusts no one's.

RFC 6962 §2.1.1 in the iterative form of RFC 9162 §2.1.3.2, and C2SP signed notes. Nothing
here is shared with the service, on purpose.
"""

import base64
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

NOTE_KEY_HASH_BYTES: Final = 4


def root(index: int, size: int, leaf_hash: bytes, path: Sequence[bytes]) -> bytes | None:
    """The root that a leaf and its path lead to; None if the path does not fit the tree."""
    if not 0 <= index < size:
        return None
    node, last, found = index, size - 1, leaf_hash
    for sibling in path:
        if last == 0:
            return None
        if node % 2 or node == last:
            found = sha256(b"\x01" + sibling + found).digest()
            while node % 2 == 0 and node != 0:
                node, last = node // 2, last // 2
        else:
            found = sha256(b"\x01" + found + sibling).digest()
        node, last = node // 2, last // 2
    return found if last == 0 else None


def checkpoint(note: str) -> tuple[int, bytes]:
    """Size and root of a checkpoint (C2SP tlog-checkpoint): lines two and three.

    Raises:
        ValueError: it is none.
    """
    _origin, size, root_hash, *_ = note.split("\n")
    return int(size), base64.b64decode(root_hash, validate=True)


def signed_by(note: str, public_key: bytes) -> bool:
    """Whether a signature on the note is that of an Ed25519 key (C2SP signed-note)."""
    text, _, signatures = note.rpartition("\n\n")
    for line in signatures.splitlines():
        _dash, name, encoded = line.split(" ")
        identity = sha256(name.encode() + b"\n\x01" + public_key).digest()
        octets = base64.b64decode(encoded)
        if octets[:NOTE_KEY_HASH_BYTES] != identity[:NOTE_KEY_HASH_BYTES]:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(
                octets[NOTE_KEY_HASH_BYTES:], f"{text}\n".encode()
            )
        except InvalidSignature:
            return False
        return True
    return False
