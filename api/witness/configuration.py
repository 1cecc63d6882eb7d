"""Which logs a witness watches: a TOML file of origins and the keys that sign for them."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from api.witness.memory import WitnessSetupError
from vault import log_note
from vault.log_note import Verifier


class _Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keys: list[str]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    log: dict[str, _Log]


def load(path: Path) -> Mapping[str, tuple[Verifier, ...]]:
    """The keys of each log, by its origin.

    Raises:
        WitnessSetupError: the file is not there, or says something else.
    """
    try:
        found = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File)
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as wrong:
        raise WitnessSetupError(f"the list of logs cannot be read: {wrong}") from None
    return {origin: _keys(origin, log) for origin, log in found.log.items()}


def _keys(origin: str, log: _Log) -> tuple[Verifier, ...]:
    try:
        keys = tuple(log_note.read_verifier(vkey) for vkey in log.keys)
    except ValueError:
        raise WitnessSetupError(f"{origin}: a key is not an Ed25519 vkey") from None
    if not keys or any(key.name != origin for key in keys):
        raise WitnessSetupError(f"{origin}: its keys must bear its name")
    return keys
