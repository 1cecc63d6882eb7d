"""A root key at rest under a passphrase: Argon2id, then XAES-256-GCM with a key commitment.

    0  1  format 0x01            18 32  commitment to the derived key
    1  1  profile (1 RFC 9106)   50 24  nonce
    2 16  salt                   74 48  root key and tag

The associated data is, each behind its length, "vault/root/v1", bytes 0..49 and the
root version. The cost is named by number and not read from the file: nobody who can
write there makes it cheap, or makes a start last for ever.
"""

import hmac
import secrets
from collections.abc import Mapping
from typing import Final, NamedTuple

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag

from vault.envelope_errors import TamperedError
from vault.framing import framed
from vault.opaque import Deriver, Opaque
from vault.xaes import NONCE_BYTES, XAES


class Profile(NamedTuple):
    """What a guess costs."""

    memory_kib: int
    passes: int
    lanes: int


RFC_9106_LOW_MEMORY: Final = 1
PROFILES: Final[Mapping[int, Profile]] = {
    # RFC 9106 §4, second recommended option: t=3, p=4, 64 MiB
    RFC_9106_LOW_MEMORY: Profile(memory_kib=65_536, passes=3, lanes=4),
}
FORMAT: Final = 1
SALT_BYTES: Final = 16
SEALED_BYTES: Final = 122
_HEADER_BYTES: Final = 50
_BOUND_FROM: Final = _HEADER_BYTES + NONCE_BYTES


class Passphrase(Opaque):
    """Seals and opens root keys. Derives once per salt; new roots take the salt of the others."""

    __slots__ = ("_derived", "_passphrase", "_salt")

    def __init__(self, passphrase: str) -> None:
        self._passphrase = passphrase.encode()
        self._derived: dict[bytes, tuple[XAES, bytes]] = {}
        self._salt = b""

    def seal(self, key: bytes, version: int) -> bytes:
        """The root key of one version, sealed."""
        salt = self._salt = self._salt or secrets.token_bytes(SALT_BYTES)
        start = bytes((FORMAT, RFC_9106_LOW_MEMORY)) + salt
        cipher, commitment = self._keys(start)
        head, nonce = start + commitment, secrets.token_bytes(NONCE_BYTES)
        return head + nonce + cipher.encrypt(nonce, key, _bound(head, version))

    def unseal(self, sealed: bytes, version: int) -> bytes:
        """The root key.

        Raises:
            TamperedError: another passphrase, another version, or altered: not said which.
        """
        start = sealed[: 2 + SALT_BYTES]
        if len(sealed) != SEALED_BYTES or start[0] != FORMAT or start[1] not in PROFILES:
            raise TamperedError
        cipher, commitment = self._keys(start)
        head, nonce = sealed[:_HEADER_BYTES], sealed[_HEADER_BYTES:_BOUND_FROM]
        if not hmac.compare_digest(head[len(start) :], commitment):
            raise TamperedError
        try:
            key = cipher.decrypt(nonce, sealed[_BOUND_FROM:], _bound(head, version))
        except InvalidTag:
            raise TamperedError from None
        self._salt = start[2:]
        return key

    def _keys(self, start: bytes) -> tuple[XAES, bytes]:
        found = self._derived.get(start)
        if found is None:
            found = self._derived[start] = _derive(self._passphrase, start)
        return found


def _derive(passphrase: bytes, start: bytes) -> tuple[XAES, bytes]:
    cost = PROFILES[start[1]]
    stretched = Deriver(
        hash_secret_raw(
            secret=passphrase,
            salt=start[2:],
            time_cost=cost.passes,
            memory_cost=cost.memory_kib,
            parallelism=cost.lanes,
            hash_len=32,
            type=Type.ID,
        )
    )
    return XAES(stretched.derive(b"v1 root enc")), stretched.derive(b"v1 root com")


def _bound(head: bytes, version: int) -> bytes:
    return framed(b"vault/root/v1", head, version.to_bytes(4, "big"))
