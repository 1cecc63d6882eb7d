"""`amana keys`: the root key, kept outside the database and its backups."""

import click

from api.cli import key_lives, terminal
from vault.keys import KeyFileError, create_file_keys


@click.group()
def keys() -> None:
    """The root key, and every key below it."""


@keys.command()
def init() -> None:
    """Make the folder of the root key and its first version. Never replaces one that is there."""
    folder = terminal.settings().keys
    try:
        made = create_file_keys(folder)
    except (KeyFileError, OSError) as wrong:
        raise click.ClickException(str(wrong)) from None
    click.echo(f"root key version {made.active} in {folder}")
    click.echo("Keep a copy offline: without it, nothing in the database can ever be read.")


for command in key_lives.COMMANDS:
    keys.add_command(command)
