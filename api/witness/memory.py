"""What a witness keeps: its key, and the largest tree it cosigned for each log.

A file is written beside its place, synced, and moved there, before an answer leaves.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api import durable
from vault.log_note import COSIGNATURE, Head, Verifier

FOLDER_MODE: Final = 0o700
KEY: Final = "witness.key"


class WitnessSetupError(Exception):
    """The folder or the configuration is not fit for a witness. The message says what to do."""


class Identity(msgspec.Struct, frozen=True):
    """Who a witness is: the name and public key that others know, and what signs."""

    verifier: Verifier
    private: Ed25519PrivateKey


class _KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    private: bytes


def make(folder: Path, name: str) -> Identity:
    """Make the key of a witness.

    Raises:
        WitnessSetupError: there is one already, or the folder is open to others.
    """
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    _require_private(folder)
    if (folder / KEY).exists():
        raise WitnessSetupError("this folder has a witness key already")
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.Raw,
        serialization.PrivateFormat.Raw,
        serialization.NoEncryption(),
    )
    durable.write(folder / KEY, msgspec.json.encode(_KeyFile(name, private)))
    return _identity(name, key)


def identity(folder: Path) -> Identity:
    """Who the witness of this folder is.

    Raises:
        WitnessSetupError: there is no key, or others could read or change what is kept.
    """
    _require_private(folder)
    try:
        kept = msgspec.json.decode((folder / KEY).read_bytes(), type=_KeyFile)
        return _identity(kept.name, Ed25519PrivateKey.from_private_bytes(kept.private))
    except (OSError, ValueError, msgspec.DecodeError):
        message = "no witness key can be read in this folder; `amana witness init` makes one"
        raise WitnessSetupError(message) from None


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder: two witnesses of one key could cosign two trees.

    Raises:
        WitnessSetupError: another process holds it.
    """
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise WitnessSetupError("another witness runs in this folder") from None
    finally:
        os.close(descriptor)


def latest(folder: Path, origin: str) -> Head | None:
    """The largest tree cosigned for a log; None before the first.

    Raises:
        WitnessSetupError: what is kept is not whole. Forgetting it would allow a fork.
    """
    place = _place(folder, origin)
    if not place.exists():
        return None
    try:
        kept = msgspec.json.decode(place.read_bytes(), type=Head)
    except msgspec.DecodeError:
        kept = None
    if kept is None or kept.origin != origin:
        raise WitnessSetupError(f"{place.name} is not whole: what was cosigned is not known")
    return kept


def keep(folder: Path, head: Head) -> None:
    """Remember a tree, durably."""
    durable.write(_place(folder, head.origin), msgspec.json.encode(head))


def _identity(name: str, key: Ed25519PrivateKey) -> Identity:
    public = key.public_key().public_bytes_raw()
    return Identity(Verifier(name, public, COSIGNATURE), key)


def _place(folder: Path, origin: str) -> Path:
    return folder / f"{hashlib.sha256(origin.encode()).hexdigest()}.json"


def _require_private(folder: Path) -> None:
    if not folder.is_dir() or folder.stat().st_mode & 0o077:
        raise WitnessSetupError("the folder must be there and be its owner's alone (mode 0700)")
