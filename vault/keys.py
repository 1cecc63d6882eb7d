"""The root of all keys: kept outside the database and outside its backups.

`Keys` is the port; production has a folder of files or a PKCS#11 token. A root key is
versioned and never leaves its provider: it wraps other keys, each bound to its place,
and the wrapped form names the version that opens it.

A provider may wait for a disk or a device: call it in a thread.
"""

from typing import Protocol, runtime_checkable

from vault.file_keys import FileKeys, KeyFileError, create_file_keys
from vault.key_places import FilePlace, KeySetupError, Place, TokenPlace
from vault.wrapped_keys import KEY_BYTES, wrapped_by

__all__ = [
    "KEY_BYTES",
    "FileKeys",
    "FilePlace",
    "KeyFileError",
    "KeySetupError",
    "Keys",
    "TokenPlace",
    "create_file_keys",
    "create_keys",
    "open_keys",
    "wrapped_by",
]


@runtime_checkable
class Keys(Protocol):
    """Where the root is kept. Safe to share between threads.

    Any call may raise KeysUnavailableError: the provider does not answer, and the same
    call may succeed later.
    """

    @property
    def active(self) -> int:
        """The version that wraps: the newest."""
        ...

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions held, ascending."""
        ...

    def wrap(self, key: bytes, place: bytes) -> bytes:
        """Wrap a key under the active version, for one place."""
        ...

    def unwrap(self, wrapped: bytes, place: bytes) -> bytes:
        """Open a wrapped key. Raises TamperedError, or KeyLostError for a version not held."""
        ...

    def add_root(self) -> int:
        """Make the next version and make it the active one. Durable when this returns."""
        ...

    def destroy_root(self, version: int) -> None:
        """Destroy a version for good; one that is gone stays gone. ValueError for the active."""
        ...

    def healthy(self) -> bool:
        """Whether the provider answers now. Raises nothing."""
        ...

    def reload(self) -> None:
        """See the versions that another process made or destroyed."""
        ...


def open_keys(place: Place) -> Keys:
    """The provider of a place. A token is reached at the first call, a folder is read now.

    Raises:
        KeySetupError: the place is not as it must be.
    """
    if isinstance(place, FilePlace):
        return FileKeys(place.folder, place.passphrase)
    from vault.pkcs11_keys import Pkcs11Keys  # noqa: PLC0415  (an extra: pkcs11)

    return Pkcs11Keys(place)


def create_keys(place: Place) -> Keys:
    """The provider of a place, with its first root made where there is none."""
    if isinstance(place, FilePlace):
        return create_file_keys(place.folder, place.passphrase)
    from vault.pkcs11_keys import create_pkcs11_keys  # noqa: PLC0415  (an extra: pkcs11)

    return create_pkcs11_keys(place)
