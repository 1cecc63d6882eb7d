"""Secrets that belong to no record: sealed for one purpose and one place under a shared key."""

from collections.abc import Mapping

from vault import envelope
from vault.ciphers import SealingKey
from vault.envelope_errors import KeyLostError
from vault.opaque import Opaque


class Box(Opaque):
    """Seals and opens the secrets of one purpose (`keyring.box("totp")`)."""

    __slots__ = ("_keys", "_purpose", "active")

    def __init__(self, keys: Mapping[int, SealingKey], active: int, purpose: str) -> None:
        self._keys = dict(keys)
        self.active = active
        self._purpose = purpose

    def seal(self, secret: bytes, place: bytes) -> bytes:
        """Seal for one place: the row's own identifier, so that it opens in no other row."""
        return envelope.seal(self._keys[self.active], self._at(place), secret)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """Open what was sealed for this place, under any version that still opens.

        Raises:
            TamperedError: altered, or sealed for another place or purpose.
            KeyLostError: sealed under a version that is retired or destroyed.
        """
        key = self._keys.get(version(sealed))
        if key is None:
            raise KeyLostError
        return envelope.unseal(key, self._at(place), sealed)

    def _at(self, place: bytes) -> envelope.Place:
        return envelope.Place(record=place, group=self._purpose, domain="shared")


def version(sealed: bytes) -> int:
    """The version of the key that a sealed secret names."""
    return int.from_bytes(sealed[10:14], "big")
