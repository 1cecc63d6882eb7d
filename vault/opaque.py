"""Objects that hold keys: they show nothing of themselves and cannot leave the process."""

from typing import Any, NoReturn

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from vault.framing import framed


class Opaque:
    """Nothing in `repr`, tracebacks or logs; no pickle, no copy."""

    __slots__ = ()

    def __repr__(self) -> str:
        """The kind of thing, never the thing."""
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, _protocol: Any) -> NoReturn:
        """Refuse pickle and `copy`: a key has one place in memory."""
        raise TypeError(f"{type(self).__name__} holds a key")


class Deriver(Opaque):
    """A key that can only derive others and authenticate: a keyed MAC state, not its bytes."""

    __slots__ = ("_keyed",)

    def __init__(self, key: bytes) -> None:
        self._keyed = HMAC(key, SHA256())

    def mac(self, message: bytes) -> bytes:
        """HMAC-SHA-256 of the message."""
        keyed = self._keyed.copy()
        keyed.update(message)
        return keyed.finalize()

    def derive(self, *info: bytes) -> bytes:
        """32 bytes by HKDF-Expand (RFC 5869 §2.3, one block) over the framed info."""
        return self.mac(block(*info))


def block(*info: bytes) -> bytes:
    """What `derive` authenticates: for who derives the same of many keys."""
    return framed(*info) + b"\x01"
