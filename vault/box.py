"""Secrets that belong to no record: sealed for one purpose and one place under a shared key."""

from vault import envelope
from vault.ciphers import SealingKey
from vault.opaque import Opaque


class Box(Opaque):
    """Seals and opens the secrets of one purpose (`keyring.box("totp")`)."""

    __slots__ = ("_key", "_purpose")

    def __init__(self, key: SealingKey, purpose: str) -> None:
        self._key = key
        self._purpose = purpose

    def seal(self, secret: bytes, place: bytes) -> bytes:
        """Seal for one place: the row's own identifier, so that it opens in no other row."""
        return envelope.seal(self._key, self._at(place), secret)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """Open what was sealed for this place.

        Raises:
            TamperedError: altered, or sealed for another place or purpose.
        """
        return envelope.unseal(self._key, self._at(place), sealed)

    def _at(self, place: bytes) -> envelope.Place:
        return envelope.Place(record=place, group=self._purpose, domain="shared")
