"""The passphrase of sealed root keys, asked for at the terminal where no file holds it."""

import os
import sys
from pathlib import Path
from typing import Final

import click
import msgspec

from api import root_keys
from api.cli import terminal
from api.settings import Settings

_NAME: Final = "amana-root-passphrase"


def settings() -> Settings:
    """The settings of the environment, with a way to the passphrase if the roots need one.

    Without a terminal nothing is asked; the provider then says what it lacks.
    """
    found = terminal.settings()
    if not (sys.stdin.isatty() and root_keys.lacks_passphrase(found)):
        return found
    words = click.prompt("Passphrase of the root keys", hide_input=True, err=True)
    return msgspec.structs.replace(found, keys_passphrase_file=_held(words))


def descriptors(settings: Settings) -> tuple[int, ...]:
    """What a child process must inherit to read the passphrase that was typed."""
    file = settings.keys_passphrase_file
    held = None if file is None else root_keys.descriptor(file)
    return () if held is None else (held,)


def _held(words: str) -> Path:
    """In memory, on no disk and in no environment; our children read it too."""
    memory = os.memfd_create(_NAME, 0)
    os.write(memory, words.encode())
    return root_keys.DESCRIPTORS / str(memory)
