"""A child of a rotation, which does one part of a pass and ends with whoever began it.

A program of its own, and not a command: it loads half as much, and is at work as much sooner.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

import click

from api import keeping, serving
from api.cli import terminal, unlocking
from api.cli.terminal import Report
from vault import process_memory, rotation

COLLECTED_STEPS: Final = 16
"""Between two looks of the collector; a step leaves it next to nothing to find."""


@click.command()
@click.argument("number", type=click.UUID)
@click.option("--part", type=int, required=True, help="Which one, from 0.")
@click.option("--of", "parts", type=int, required=True, help="How many there are.")
def take(*, number: UUID, part: int, parts: int) -> None:
    """Do one part of a pass."""
    process_memory.keep_inside()
    serving.stop_when_input_ends()
    terminal.run(_take(number, part, parts))


@contextmanager
def collected_between_steps(report: Report) -> Iterator[Report]:
    """Tells of the steps, and lets the collector look after some: within them, it takes a tenth."""
    steps = 0

    def told(done: int, total: int) -> None:
        nonlocal steps
        steps += 1
        if steps % COLLECTED_STEPS == 0:
            gc.collect()
        report(done, total)

    gc.disable()
    try:
        yield told
    finally:
        gc.enable()


async def _take(number: UUID, part: int, parts: int) -> None:
    async with keeping.opened(unlocking.settings()) as kept:
        gc.freeze()  # what is loaded by now stays
        with collected_between_steps(_tell_nobody) as told:
            await rotation.take_part(kept.database, kept.keyring, number, told, part=part, of=parts)


def _tell_nobody(_done: int, _total: int) -> None:
    pass


if __name__ == "__main__":
    take()
