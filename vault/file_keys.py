"""Root keys as files `root-N.key`, mode 0400, in a folder of mode 0700.

Each holds 32 bytes, or the same 32 bytes sealed under a passphrase (`vault.passphrases`).
"""

import os
import re
import secrets
import stat
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag

from vault import passphrases, wrapped_keys
from vault.ciphers import XAES_256_GCM
from vault.envelope_errors import KeyLostError, KeysUnavailableError, TamperedError
from vault.key_places import KeySetupError
from vault.opaque import Opaque
from vault.passphrases import Passphrase
from vault.wrapped_keys import KEY_BYTES
from vault.xaes import NONCE_BYTES, XAES

_NAME: Final = re.compile(r"root-([1-9][0-9]{0,8})\.key")


class KeyFileError(KeySetupError):
    """The folder of root keys is not as it must be. The message names the file, no content."""


class FileKeys(Opaque):
    """A provider of the port `vault.keys.Keys`; the roots are in memory once they are read."""

    __slots__ = ("_folder", "_passphrase", "_roots", "_writing")

    def __init__(self, folder: Path, passphrase: Passphrase | None = None) -> None:
        """Read every version.

        Raises:
            KeyFileError: no key, a key of the wrong size, a file that others may read, or
                a passphrase that is missing or wrong.
        """
        self._folder = folder
        self._passphrase = passphrase
        self._writing = threading.Lock()
        self._roots: dict[int, XAES] = {}
        self.reload()

    @property
    def active(self) -> int:
        """The newest version."""
        return max(self._roots)

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions held."""
        return tuple(sorted(self._roots))

    def wrap(self, key: bytes, place: bytes) -> bytes:
        """Header, nonce, ciphertext and tag: 78 bytes for a key of 32."""
        roots = self._roots
        version = max(roots)
        head = wrapped_keys.header(XAES_256_GCM, version)
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = roots[version].encrypt(nonce, key, wrapped_keys.bound(head, place))
        return head + nonce + sealed

    def unwrap(self, wrapped: bytes, place: bytes) -> bytes:
        """The key.

        Raises:
            TamperedError: altered, moved, or of a kind we do not know.
            KeyLostError: wrapped by a root version that is not here.
        """
        version, head, sealed = wrapped_keys.split(wrapped, XAES_256_GCM)
        if len(sealed) <= NONCE_BYTES:
            raise TamperedError
        root = self._root(version)
        try:
            return root.decrypt(
                sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], wrapped_keys.bound(head, place)
            )
        except InvalidTag:
            raise TamperedError from None

    def add_root(self) -> int:
        """Write the next version; where another process is first, the one after."""
        with self._writing:
            while True:
                version = max((number for number, _ in _files(self._folder)), default=0) + 1
                with suppress(FileExistsError):
                    _write_root(self._folder, version, self._passphrase)
                    break
            self.reload()
            return version

    def destroy_root(self, version: int) -> None:
        """Take its name away, overwrite the file, then remove it; killed between, do so again.

        A file system that copies on write, or a disk that levels wear, may keep the old
        blocks: put the folder on a disk that is encrypted, or the roots in a token.
        """
        with self._writing:
            self.reload()
            if version == self.active:
                raise ValueError("the active root is not destroyed")
            _destroy(_path(self._folder, version))
            self.reload()

    def healthy(self) -> bool:
        """Always: what is in memory answers."""
        return True

    def reload(self) -> None:
        """Read the versions that are new, drop those that are gone.

        Raises:
            KeyFileError: as at the start; what was held is still held.
        """
        files = dict(_files(self._folder))
        if not files:
            raise KeyFileError(f"no root key in {self._folder}")
        held = self._roots
        # One assignment: whoever reads meanwhile sees all of the old or all of the new.
        self._roots = {
            version: held.get(version) or XAES(_read(path, version, self._passphrase))
            for version, path in files.items()
        }

    def _root(self, version: int) -> XAES:
        found = self._roots.get(version)
        if found is None:
            self._look_again()
            found = self._roots.get(version)
        if found is None:
            raise KeyLostError
        return found

    def _look_again(self) -> None:
        """Another process may have made a root since."""
        try:
            self.reload()
        except (KeyFileError, OSError):
            raise KeysUnavailableError from None


def create_file_keys(folder: Path, passphrase: Passphrase | None = None) -> FileKeys:
    """Open the folder, making it and its first root key where there is none.

    A key that is there is never replaced: with it goes everything it wraps.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not list(_files(folder)):
        with suppress(FileExistsError):  # another process was first
            _write_root(folder, 1, passphrase)
    return FileKeys(folder, passphrase)


def are_sealed(folder: Path) -> bool:
    """Whether a root of this folder needs a passphrase."""
    return any(path.stat().st_size == passphrases.SEALED_BYTES for _, path in _files(folder))


def _files(folder: Path) -> list[tuple[int, Path]]:
    named = ((_NAME.fullmatch(path.name), path) for path in folder.glob("root-*.key"))
    return sorted((int(match[1]), path) for match, path in named if match)


def _path(folder: Path, version: int) -> Path:
    return folder / f"root-{version}.key"


def _read(path: Path, version: int, passphrase: Passphrase | None) -> bytes:
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyFileError(f"{path} may be read by others: chmod 0400")
    content = path.read_bytes()
    if len(content) == KEY_BYTES:
        return content
    if len(content) != passphrases.SEALED_BYTES:
        raise KeyFileError(f"{path} does not hold {KEY_BYTES} bytes")
    if passphrase is None:
        raise KeyFileError(f"{path} is sealed and there is no passphrase")
    try:
        return passphrase.unseal(content, version)
    except TamperedError:
        raise KeyFileError(f"{path} does not open: wrong passphrase, or altered") from None


def _write_root(folder: Path, version: int, passphrase: Passphrase | None) -> None:
    key = secrets.token_bytes(KEY_BYTES)
    _write(_path(folder, version), passphrase.seal(key, version) if passphrase else key)


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, and never over another.

    Raises:
        FileExistsError: there is one already.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        draft.unlink()
    _sync(path.parent)


def _destroy(path: Path) -> None:
    doomed = path.with_suffix(".destroyed")
    with suppress(FileNotFoundError):
        # First: half overwritten under its own name, it would be a key that does not open.
        path.rename(doomed)
        _sync(path.parent)
    with suppress(FileNotFoundError):
        doomed.chmod(0o600)
        with doomed.open("r+b", buffering=0) as file:
            file.write(secrets.token_bytes(doomed.stat().st_size))
            os.fsync(file.fileno())
        doomed.unlink()
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """The name too must survive a power cut, or be gone after one."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
