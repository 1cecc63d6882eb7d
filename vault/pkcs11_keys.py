"""Root keys in a PKCS#11 token, which they never leave: AES-256, labelled `amana-root-N`.

Wrapping is AES-256-GCM in the token (`CKM_AES_GCM`) with a random 96-bit nonce of ours
and the place as associated data. NIST SP 800-38D §8.3 allows 2**32 such nonces a key. A
root wraps domain keys and the tops of trees, some thousands in its life; a process
refuses after 2**24, so that 256 processes that run wild stay within the bound.
"""

import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final, TypeVar

from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, ObjectClass, exceptions
from pkcs11.exceptions import PKCS11Error

from vault import pkcs11_token, wrapped_keys
from vault.ciphers import AES_256_GCM
from vault.envelope_errors import KeyLostError, KeysUnavailableError, TamperedError, VaultError
from vault.key_places import KeySetupError, TokenPlace
from vault.opaque import Opaque
from vault.pkcs11_token import Desk, Token, Tokens

T = TypeVar("T")

WRAPS_PER_ROOT: Final = 2**24
NONCE_BYTES: Final = 12
TAG_BITS: Final = 128
_LABEL: Final = re.compile(r"amana-root-([1-9][0-9]{0,8})")
_PAUSES_SECONDS: Final = (0.0, 0.02, 0.1)
"""After each try: then the token is away."""
_TEMPLATE: Final = {
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.PRIVATE: True,
    Attribute.ENCRYPT: True,
    Attribute.DECRYPT: True,
    Attribute.WRAP: False,
    Attribute.UNWRAP: False,
}


class Pkcs11Keys(Opaque):
    """A provider of the port `vault.keys.Keys`. Nothing is opened before the first call."""

    __slots__ = ("_place", "_tokens", "_versions", "_wraps")

    def __init__(self, place: TokenPlace) -> None:
        self._place = place
        self._tokens = Tokens(place)
        self._versions: tuple[int, ...] = ()
        self._wraps: dict[int, int] = {}

    @property
    def active(self) -> int:
        """The newest version."""
        return self.versions[-1]

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions held."""
        if not self._versions:
            self.reload()
        return self._versions

    def wrap(self, key: bytes, place: bytes) -> bytes:
        """Header, nonce, ciphertext and tag: 66 bytes for a key of 32.

        Raises:
            KeysUnavailableError: the token does not answer, or the root has wrapped enough.
        """
        version = self.active
        self._wraps[version] = self._wraps.get(version, 0) + 1
        if self._wraps[version] > WRAPS_PER_ROOT:
            raise KeysUnavailableError("this root has wrapped enough: rotate it")
        head = wrapped_keys.header(AES_256_GCM, version)
        bound = wrapped_keys.bound(head, place)
        return head + self._ask(lambda desk: _encrypt(_root(desk, version), key, bound))

    def unwrap(self, wrapped: bytes, place: bytes) -> bytes:
        """The key.

        Raises:
            TamperedError: altered, moved, or of a kind we do not know.
            KeyLostError: wrapped by a root version that is not in the token.
            KeysUnavailableError: the token does not answer.
        """
        version, head, sealed = wrapped_keys.split(wrapped, AES_256_GCM)
        if len(sealed) <= NONCE_BYTES + TAG_BITS // 8:
            raise TamperedError
        bound = wrapped_keys.bound(head, place)
        return self._ask(lambda desk: _decrypt(_root(desk, version), sealed, bound))

    def add_root(self) -> int:
        """Have the token make the next version. One process of a machine at a time.

        A token takes two keys of one label, and then neither is used: who rotates roots from
        several machines holds a lock of the store meanwhile.
        """
        with pkcs11_token.alone(self._place):
            made = self._ask(_make_root)
        self.reload()
        return made

    def destroy_root(self, version: int) -> None:
        """Have the token destroy it (`C_DestroyObject`). Its backups are the token's own affair."""
        self.reload()
        if version == self.active:
            raise ValueError("the active root is not destroyed")
        self._ask(lambda desk: _destroy(desk, version))
        self.reload()

    def healthy(self) -> bool:
        """Whether the active root wraps and unwraps now."""
        try:
            return self.unwrap(self.wrap(b"health", b"health"), b"health") == b"health"
        except (VaultError, KeySetupError):
            return False

    def reload(self) -> None:
        """List the roots.

        Raises:
            KeySetupError: there is none.
            KeysUnavailableError: the token does not answer.
        """
        self._versions = tuple(sorted(version for version, _ in self._ask(_listed)))
        if not self._versions:
            raise KeySetupError(f"no root key in the token {self._place.label}")

    def _ask(self, work: Callable[[Desk], T]) -> T:
        token = self._tokens.here()
        for pause in _PAUSES_SECONDS:  # a session may have died with a token that is back
            with suppress(PKCS11Error):
                return _at(token, work)
            time.sleep(pause)
        raise KeysUnavailableError


def create_pkcs11_keys(place: TokenPlace) -> Pkcs11Keys:
    """Open the token, making its first root key where there is none."""
    keys = Pkcs11Keys(place)
    try:
        keys.reload()
    except KeySetupError:
        keys.add_root()
    return keys


def _at(token: Token, work: Callable[[Desk], T]) -> T:
    with token.desk() as desk:
        return work(desk)


def _listed(desk: Desk) -> list[tuple[int, Any]]:
    named = ((_LABEL.fullmatch(label), key) for label, key in _secrets(desk))
    return [(int(match[1]), key) for match, key in named if match]


def _secrets(desk: Desk) -> Iterator[tuple[str, Any]]:
    """Every secret key of the token by its label; one that goes meanwhile is left out."""
    for key in list(desk.session.get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY})):
        with suppress(exceptions.ObjectHandleInvalid):
            yield key.label, key


def _root(desk: Desk, version: int) -> Any:
    found = desk.roots.get(version)
    if found is None:
        held = _listed(desk)
        if not held:  # a token that lost everything is away, or not the one we had
            raise exceptions.TokenNotPresent
        wanted = [key for number, key in held if number == version]
        if not wanted:
            raise KeyLostError
        if len(wanted) > 1:
            raise exceptions.MultipleObjectsReturned
        found = desk.roots[version] = wanted[0]
    return found


def _encrypt(root: Any, key: bytes, bound: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    parameters = GCMParams(nonce, bound, TAG_BITS)
    sealed: bytes = root.encrypt(key, mechanism=Mechanism.AES_GCM, mechanism_param=parameters)
    return nonce + sealed


def _decrypt(root: Any, sealed: bytes, bound: bytes) -> bytes:
    try:
        return _opened(root, sealed, bound)
    except (exceptions.ObjectHandleInvalid, exceptions.KeyHandleInvalid):
        raise
    except PKCS11Error:
        # Tokens do not agree on how to say that a tag is wrong (SoftHSM: a general error).
        # One that opens what it sealed just now is well, so what it was given is not.
        _opened(root, _encrypt(root, b"probe", bound), bound)
        raise TamperedError from None


def _opened(root: Any, sealed: bytes, bound: bytes) -> bytes:
    parameters = GCMParams(sealed[:NONCE_BYTES], bound, TAG_BITS)
    key: bytes = root.decrypt(
        sealed[NONCE_BYTES:], mechanism=Mechanism.AES_GCM, mechanism_param=parameters
    )
    return key


def _make_root(desk: Desk) -> int:
    version = max((number for number, _ in _listed(desk)), default=0) + 1
    label = f"amana-root-{version}"
    desk.session.generate_key(KeyType.AES, 256, label=label, store=True, template=_TEMPLATE)
    return version


def _destroy(desk: Desk, version: int) -> None:
    desk.roots.pop(version, None)
    for number, key in _listed(desk):
        if number == version:
            key.destroy()
