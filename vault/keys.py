"""The root of all keys: kept outside the database and outside its backups.

`Keys` is the port; production has a folder of files, and later a PKCS#11 token. A
root key is versioned and never leaves its provider: it wraps other keys, each bound
to its place, and the wrapped form names the version that opens it.
"""

import os
import re
import secrets
import stat
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from cryptography.exceptions import InvalidTag

from vault.envelope_errors import KeyLostError, TamperedError
from vault.framing import framed
from vault.opaque import Opaque
from vault.xaes import NONCE_BYTES, XAES

KEY_BYTES: Final = 32
_FORMAT: Final = b"\x01\x02"  # format 1, suite 2 (XAES-256-GCM)
_HEADER_BYTES: Final = 6  # format, suite, root version (4, big endian)
_NAME: Final = re.compile(r"root-([1-9][0-9]{0,8})\.key")


@runtime_checkable
class Keys(Protocol):
    """Where the root is kept."""

    @property
    def active(self) -> int:
        """The version that wraps."""
        ...

    def wrap(self, key: bytes, place: bytes) -> bytes:
        """Wrap a key under the active version, for one place."""
        ...

    def unwrap(self, wrapped: bytes, place: bytes) -> bytes:
        """Open a wrapped key. Raises TamperedError, or KeyLostError for a version not held."""
        ...


class KeyFileError(Exception):
    """The folder of root keys is not as it must be. The message names the file, no content."""


class FileKeys(Opaque):
    """Root keys as files `root-N.key` of 32 bytes, mode 0400, in a folder of mode 0700."""

    __slots__ = ("_roots", "active")

    def __init__(self, folder: Path) -> None:
        """Read every version.

        Raises:
            KeyFileError: no key, a key of the wrong size, or a file that others may read.
        """
        self._roots = {version: XAES(_read(path)) for version, path in _files(folder)}
        if not self._roots:
            raise KeyFileError(f"no root key in {folder}")
        self.active: int = max(self._roots)

    def wrap(self, key: bytes, place: bytes) -> bytes:
        """Header, nonce, ciphertext and tag: 78 bytes for a key of 32."""
        header = _FORMAT + self.active.to_bytes(4, "big")
        nonce = secrets.token_bytes(NONCE_BYTES)
        bound = framed(b"vault/wrap/v1", header, place)
        return header + nonce + self._roots[self.active].encrypt(nonce, key, bound)

    def unwrap(self, wrapped: bytes, place: bytes) -> bytes:
        """The key.

        Raises:
            TamperedError: altered, moved, or of a kind we do not know.
            KeyLostError: wrapped by a root version that is not here.
        """
        header, sealed = wrapped[:_HEADER_BYTES], wrapped[_HEADER_BYTES:]
        if len(header) != _HEADER_BYTES or header[:2] != _FORMAT or len(sealed) <= NONCE_BYTES:
            raise TamperedError
        root = self._roots.get(int.from_bytes(header[2:], "big"))
        if root is None:
            raise KeyLostError
        bound = framed(b"vault/wrap/v1", header, place)
        try:
            return root.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
        except InvalidTag:
            raise TamperedError from None


def create_file_keys(folder: Path) -> FileKeys:
    """Open the folder, making it and its first root key where there is none.

    A key that is there is never replaced: with it goes everything it wraps.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not list(_files(folder)):
        _write(folder / "root-1.key", secrets.token_bytes(KEY_BYTES))
    return FileKeys(folder)


def _files(folder: Path) -> list[tuple[int, Path]]:
    named = ((_NAME.fullmatch(path.name), path) for path in folder.glob("root-*.key"))
    return sorted((int(match[1]), path) for match, path in named if match)


def _read(path: Path) -> bytes:
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyFileError(f"{path} may be read by others: chmod 0400")
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise KeyFileError(f"{path} does not hold {KEY_BYTES} bytes")
    return key


def _write(path: Path, key: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name too must survive a power cut
    finally:
        os.close(folder)
