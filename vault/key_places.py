"""Where the root keys are kept: what the settings say and a provider is opened from."""

from pathlib import Path

import msgspec

from vault.passphrases import Passphrase


class KeySetupError(Exception):
    """Where the root keys are is not as it must be: for an operator to mend. Holds no value."""


class FilePlace(msgspec.Struct, frozen=True, kw_only=True):
    """A folder of files."""

    folder: Path
    passphrase: Passphrase | None = None


class TokenPlace(msgspec.Struct, frozen=True, kw_only=True):
    """A PKCS#11 token."""

    module: Path
    """The vendor's library."""
    label: str
    pin_file: Path
    """Read at each login and not kept."""


Place = FilePlace | TokenPlace
