"""Signed sizes of the tree as text: C2SP signed-note and tlog-checkpoint, Ed25519."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519: Final = b"\x01"
_KEY_HASH_BYTES: Final = 4


class Head(msgspec.Struct, frozen=True):
    """What a checkpoint says: whose log, how long, and its root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The signed text."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


def sign(head: Head, public: bytes, signer: Callable[[bytes], bytes]) -> str:
    """The note: the text, an empty line, and one signature line."""
    text = head.text()
    signature = key_hash(head.origin, public) + signer(text.encode())
    return f"{text}\n— {head.origin} {_base64(signature)}\n"


def read(note: str, keys: Mapping[bytes, bytes]) -> Head | None:
    """What a note says, if one of these keys (by key hash) signed it; None otherwise."""
    text, separator, signatures = note.partition("\n\n")
    head = _parse(text) if separator else None
    if head is None or head.text() != text + "\n":
        return None
    lines = signatures.splitlines()
    return head if any(_holds(line, head, keys) for line in lines) else None


def verifier_key(origin: str, public: bytes) -> str:
    """The public key as other tools take it (C2SP signed-note «vkey»)."""
    return f"{origin}+{key_hash(origin, public).hex()}+{_base64(ED25519 + public)}"


def key_hash(name: str, public: bytes) -> bytes:
    """Four bytes that tell which key may have signed."""
    return hashlib.sha256(f"{name}\n".encode() + ED25519 + public).digest()[:_KEY_HASH_BYTES]


def _parse(text: str) -> Head | None:
    try:
        origin, size, root = text.split("\n")
        return Head(origin, int(size), base64.b64decode(root, validate=True))
    except ValueError:  # another shape, or not base64
        return None


def _holds(line: str, head: Head, keys: Mapping[bytes, bytes]) -> bool:
    try:
        dash, name, encoded = line.split(" ")
        blob = base64.b64decode(encoded, validate=True)
        public = keys[blob[:_KEY_HASH_BYTES]]
        Ed25519PublicKey.from_public_bytes(public).verify(
            blob[_KEY_HASH_BYTES:], head.text().encode()
        )
    except (ValueError, KeyError, InvalidSignature):
        return False
    return dash == "—" and name == head.origin


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
