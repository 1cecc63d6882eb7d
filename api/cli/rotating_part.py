"""A child of a rotation, which does one part of a pass and ends with whoever began it.

A program of its own, and not a command: it loads half as much, and is at work as much sooner.
"""

from uuid import UUID

import click

from api import collecting, keeping, serving
from api.cli import terminal, unlocking
from vault import process_memory, rotation


@click.command()
@click.argument("number", type=click.UUID)
@click.option("--part", type=int, required=True, help="Which one, from 0.")
@click.option("--of", "parts", type=int, required=True, help="How many there are.")
def take(*, number: UUID, part: int, parts: int) -> None:
    """Do one part of a pass."""
    process_memory.keep_inside()
    serving.stop_when_input_ends()
    terminal.run(_take(number, part, parts))


async def _take(number: UUID, part: int, parts: int) -> None:
    async with keeping.opened(unlocking.settings()) as kept:
        with collecting.settled(), collecting.between_steps(_tell_nobody) as told:
            await rotation.take_part(kept.database, kept.keyring, number, told, part=part, of=parts)


def _tell_nobody(_done: int, _total: int) -> None:
    pass


if __name__ == "__main__":
    take()
