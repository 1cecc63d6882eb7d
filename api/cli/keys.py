"""`amana keys`: the root key, kept outside the database and its backups."""

import click

from api import root_keys
from api.cli import key_lives, terminal
from vault.envelope_errors import KeysUnavailableError
from vault.key_places import KeySetupError
from vault.passphrases import Passphrase


@click.group()
def keys() -> None:
    """The root key, and every key below it."""


@keys.command()
@click.option("--passphrase", is_flag=True, help="Ask for one, and seal the files under it.")
def init(*, passphrase: bool) -> None:
    """Make the place of the root key and its first version. Never replaces one that is there."""
    settings = terminal.settings()
    if passphrase and settings.keys_provider != "file":
        raise click.UsageError("a token has a PIN, not a passphrase")
    asked = _ask() if passphrase else None
    try:
        made = root_keys.created(settings, asked)
    except KeysUnavailableError:
        raise click.ClickException("the token does not answer") from None
    except (KeySetupError, OSError) as wrong:
        raise click.ClickException(str(wrong)) from None
    if settings.keys_provider == "file":
        click.echo(f"root key version {made.active} in {settings.keys}")
        click.echo("Keep a copy offline: without it, nothing in the database can ever be read.")
    else:
        click.echo(f"root key version {made.active} in the token {settings.pkcs11_label}")
        click.echo("Back the token up: without it, nothing in the database can ever be read.")


def _ask() -> Passphrase:
    """From the terminal, twice; never as an argument, which others may list."""
    return Passphrase(click.prompt("Passphrase", hide_input=True, confirmation_prompt=True))


for command in key_lives.COMMANDS:
    keys.add_command(command)
