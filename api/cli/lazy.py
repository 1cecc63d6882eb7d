"""A group whose commands are imported when they are called: `amana --help` imports none."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click


class Place(NamedTuple):
    """Where a command is, and what it does in one line (a test holds it to the command's own)."""

    path: str
    """`module:attribute`."""
    summary: str


class Family(click.Group):
    """Commands by name, each known by its place."""

    def __init__(self, *, places: Mapping[str, Place], **attributes: Any) -> None:
        """Take the places; the rest is click's."""
        super().__init__(**attributes)
        self.places = dict(places)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, in the order given."""
        del ctx  # the same for everyone
        return list(self.places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the one that is called."""
        del ctx
        if cmd_name not in self.places:
            return None
        module, _, attribute = self.places[cmd_name].path.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.summary) for name, place in self.places.items()])
