"""JSON from strangers: each member once, of the shape expected, or nothing."""

import base64
import binascii
import json
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def read(raw: bytes, shape: type[T]) -> T | None:
    """The document as `shape`; None if it is no such JSON or says anything twice."""
    return None if document(raw) is None else shaped(raw, shape)


def document(raw: bytes) -> Any:
    """What a JSON text says; None if it is none, or if a member at any depth repeats.

    RFC 8259 leaves repeated members to each parser (RFC 8725 §2.4): two readers of one
    token must not see two tokens.
    """
    try:
        found = msgspec.json.decode(raw)
        # Written back to the same octets, it lost nothing: no member was there twice.
        return found if msgspec.json.encode(found) == raw else _DECODER.decode(raw.decode("utf-8"))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def shaped(raw: bytes, shape: type[T]) -> T | None:
    """The document as `shape`, for one whose members were seen to be each said once."""
    try:
        return msgspec.json.decode(raw, type=shape)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None  # also a lone surrogate, which json lets pass and UTF-8 does not


def octets(segment: str) -> bytes | None:
    """Base64url without padding (RFC 7515 §2), in its one canonical spelling; None otherwise."""
    try:
        found = base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    # Spare bits, `+`, `/` and padding would all be second spellings of the same octets.
    return found if base64url(found) == segment else None


def base64url(raw: bytes) -> str:
    """Base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a member repeats")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_each_once)
