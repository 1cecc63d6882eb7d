"""Signed sizes of the tree as text: C2SP signed-note, tlog-checkpoint and tlog-cosignature."""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519: Final = b"\x01"
COSIGNATURE: Final = b"\x04"
"""The kinds of key that may stand in a note (c2sp.org/signed-note, «Signature types»)."""
SIGNATURES: Final = 64
"""Most signature lines that are read; the specification asks for 16 at least."""
_KEY_HASH_BYTES: Final = 4
_TIME_BYTES: Final = 8
_ROOT_BYTES: Final = 32
_LARGEST: Final = 2**63 - 1
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
_NAME: Final = re.compile(r"[^\s+]+")

Signer = Callable[[bytes], bytes]


class Head(msgspec.Struct, frozen=True):
    """What a checkpoint says: whose log, how long, and its root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The signed text."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


class Signature(msgspec.Struct, frozen=True):
    """One line under a note: who may have signed, by name and key hash, and what they wrote."""

    name: str
    key_hash: bytes
    octets: bytes

    def line(self) -> str:
        """The line, with its end."""
        return f"— {self.name} {_base64(self.key_hash + self.octets)}\n"


class Note(msgspec.Struct, frozen=True):
    """A note taken apart. Nothing of it is believed until a signature is verified."""

    text: str
    """What is signed, with its last line end."""
    signatures: tuple[Signature, ...]


class Verifier(msgspec.Struct, frozen=True):
    """A public key under the name it signs with."""

    name: str
    public: bytes
    kind: bytes = ED25519

    @property
    def key_hash(self) -> bytes:
        """What tells its signatures from those of others."""
        return key_hash(self.name, self.public, self.kind)

    def vkey(self) -> str:
        """The key as other tools take it (C2SP signed-note «vkey»)."""
        return f"{self.name}+{self.key_hash.hex()}+{_base64(self.kind + self.public)}"


def sign(head: Head, public: bytes, signer: Signer) -> str:
    """The note: the text, an empty line, and one signature line."""
    return sign_text(head.text(), [head.origin], public, signer)


def sign_text(text: str, names: Iterable[str], public: bytes, signer: Signer) -> str:
    """A note of any text, with a line of one key under each of its names."""
    octets = signer(text.encode())
    lines = (Signature(name, key_hash(name, public), octets).line() for name in names)
    return f"{text}\n{''.join(lines)}"


def cosign(text: str, witness: Verifier, at: int, signer: Signer) -> Signature:
    """That a witness saw this text grow from all it saw before, at a time (POSIX seconds)."""
    octets = at.to_bytes(_TIME_BYTES, "big") + signer(_cosigned(text, at))
    return Signature(witness.name, witness.key_hash, octets)


def read(note: str, keys: Mapping[bytes, bytes]) -> Head | None:
    """What a note says, if one of these keys (by key hash) signed it; None otherwise."""
    parts = take_apart(note)
    head = read_head(parts.text) if parts else None
    if parts is None or head is None or head.text() != parts.text:
        return None
    verifiers = [Verifier(head.origin, public) for public in keys.values()]
    return head if signed(parts, verifiers) else None


def take_apart(note: str) -> Note | None:
    """The text and the signature lines of a note; None if it has another shape."""
    text, separator, under = note.rpartition("\n\n")
    lines = under.removesuffix("\n").split("\n")
    if not separator or not under.endswith("\n") or len(lines) > SIGNATURES:
        return None
    signatures = [read_signature(line) for line in lines]
    found = tuple(each for each in signatures if each is not None)
    if _CONTROL.search(note) or len(found) != len(signatures):
        return None
    return Note(text + "\n", found)


def read_signature(line: str) -> Signature | None:
    """A signature line, without its end, taken apart; None if it has another shape."""
    try:
        dash, name, encoded = line.split(" ")
        blob = base64.b64decode(encoded, validate=True)
    except ValueError:
        return None
    if dash != "—" or not _NAME.fullmatch(name) or len(blob) <= _KEY_HASH_BYTES:
        return None
    return Signature(name, blob[:_KEY_HASH_BYTES], blob[_KEY_HASH_BYTES:])


def read_head(text: str) -> Head | None:
    """The head that a text begins with; lines of the log's own may follow."""
    try:
        origin, size, root, _ = text.split("\n", 3)
        head = Head(origin, int(size), base64.b64decode(root, validate=True))
    except ValueError:  # another shape, or not base64
        return None
    whole = origin and 0 <= head.size <= _LARGEST and len(head.root) == _ROOT_BYTES
    return head if whole and text.startswith(head.text()) else None


def signed(note: Note, verifiers: Iterable[Verifier]) -> bool:
    """Whether one of these keys signed, and none of them is named over what it did not sign."""
    known = {(each.name, each.key_hash): each for each in verifiers}
    ours = [each for each in note.signatures if (each.name, each.key_hash) in known]
    return bool(ours) and all(
        _verifies(known[each.name, each.key_hash].public, each.octets, note.text.encode())
        for each in ours
    )


def cosigned_at(text: str, signature: Signature, witness: Verifier) -> int | None:
    """When a witness cosigned a text, in POSIX seconds; None if it did not."""
    at = int.from_bytes(signature.octets[:_TIME_BYTES], "big")
    if (signature.name, signature.key_hash) != (witness.name, witness.key_hash) or at > _LARGEST:
        return None
    octets = signature.octets[_TIME_BYTES:]
    return at if _verifies(witness.public, octets, _cosigned(text, at)) else None


def verifier_key(origin: str, public: bytes) -> str:
    """The log's public key as other tools take it (C2SP signed-note «vkey»)."""
    return Verifier(origin, public).vkey()


def read_verifier(vkey: str, kind: bytes = ED25519) -> Verifier:
    """A public key of one kind, from its «vkey».

    Raises:
        ValueError: another shape, another kind, or a hash that is not the key's.
    """
    name, _, rest = vkey.partition("+")
    _, _, encoded = rest.partition("+")
    octets = base64.b64decode(encoded, validate=True)
    found = Verifier(name, octets[1:], octets[:1])
    if found.kind != kind or found.vkey() != vkey or not _NAME.fullmatch(name):
        raise ValueError("not a verifier key of this kind")
    Ed25519PublicKey.from_public_bytes(found.public)
    return found


def key_hash(name: str, public: bytes, kind: bytes = ED25519) -> bytes:
    """Four bytes that tell which key may have signed."""
    return hashlib.sha256(f"{name}\n".encode() + kind + public).digest()[:_KEY_HASH_BYTES]


def _cosigned(text: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def _verifies(public: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (ValueError, InvalidSignature):
        return False
    return True


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
