"""From settings to the provider of the root keys, and whether it still answers."""

import asyncio
import os
import time
from pathlib import Path
from typing import Final

from api.settings import Settings
from vault import erasure_journal, file_keys, self_test
from vault.key_places import FilePlace, KeySetupError, Place, TokenPlace
from vault.keys import Keys, create_keys, open_keys
from vault.passphrases import Passphrase

BELIEVED_SECONDS: Final = 5.0
"""How long an answer is believed: probes that come often cost the provider little."""
PATIENCE_SECONDS: Final = 1.0
DESCRIPTORS: Final = Path("/dev/fd")
"""A file of this folder is a descriptor that we hold, and not a name to open."""


class RootWatch:
    """Whether the provider answers; asked in a thread, once for all who want to know."""

    def __init__(self, keys: Keys) -> None:
        """Nothing is asked yet."""
        self._keys = keys
        self._asking: asyncio.Task[bool] | None = None
        self._until = 0.0

    async def well(self) -> bool:
        """What it said some seconds ago at most; False while it takes longer than a second."""
        if self._asking is None or (self._asking.done() and time.monotonic() >= self._until):
            self._asking = asyncio.create_task(asyncio.to_thread(self._keys.healthy))
            self._until = time.monotonic() + BELIEVED_SECONDS
        done, _ = await asyncio.wait({self._asking}, timeout=PATIENCE_SECONDS)
        return bool(done) and self._asking.result()


def opened(settings: Settings) -> Keys:
    """The provider, tried once.

    Raises:
        KeySetupError: the keys are not where the settings say.
        KeysUnavailableError: the token does not answer.
        SelfTestError: the provider gives a wrong answer; the service does not start.
    """
    keys = open_keys(place(settings))
    self_test.provider(keys)
    return keys


def created(settings: Settings, passphrase: Passphrase | None = None) -> Keys:
    """The provider, with its first root made where there is none.

    With a first root begins the journal of erasures: what it opens, nobody was erased from yet.
    """
    where = place(settings, passphrase)
    new = _is_empty(where)
    keys = create_keys(where)
    self_test.provider(keys)
    if new:
        erasure_journal.begin(settings.journal)
    return keys


def place(settings: Settings, passphrase: Passphrase | None = None) -> Place:
    """Where the settings say that the root keys are."""
    if settings.keys_provider == "pkcs11" and settings.pkcs11_module and settings.pkcs11_pin_file:
        return TokenPlace(
            module=settings.pkcs11_module,
            label=settings.pkcs11_label,
            pin_file=settings.pkcs11_pin_file,
        )
    held = passphrase or _read(settings.keys_passphrase_file)
    return FilePlace(folder=settings.keys, passphrase=held)


def lacks_passphrase(settings: Settings) -> bool:
    """Whether the roots are files under a passphrase, and no file holds it."""
    if settings.keys_provider != "file" or settings.keys_passphrase_file:
        return False
    return file_keys.are_sealed(settings.keys)


def descriptor(file: Path) -> int | None:
    """The descriptor that a file of `DESCRIPTORS` names."""
    return int(file.name) if file.parent == DESCRIPTORS and file.name.isdecimal() else None


def _is_empty(where: Place) -> bool:
    try:
        self_test.provider(open_keys(where))
    except KeySetupError:
        return True
    return False


def _read(file: Path | None) -> Passphrase | None:
    if file is None:
        return None
    try:
        return Passphrase(_text(file).rstrip("\r\n"))
    except OSError as why:
        message = f"the file of the passphrase cannot be read: {file} ({why.strerror})"
        raise KeySetupError(message) from None


def _text(file: Path) -> str:
    held = descriptor(file)
    if held is None:
        return file.read_text(encoding="utf-8")
    # Read in place, so that others read it too; a process that holds keys may not open
    # its own descriptors by name.
    return os.pread(held, os.fstat(held).st_size, 0).decode()
