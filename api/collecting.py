"""The garbage collector, told what need not be looked through."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

Report = Callable[[int, int], None]
STEPS: Final = 16
"""Between two looks; a step leaves the collector next to nothing to find."""


@contextmanager
def settled() -> Iterator[None]:
    """What is loaded by now stays for the block: the collector passes it over."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def between_steps(report: Report) -> Iterator[Report]:
    """Tells of the steps, and lets the collector look after some: within them, it takes a tenth."""
    steps = 0

    def told(done: int, total: int) -> None:
        nonlocal steps
        steps += 1
        if steps % STEPS == 0:
            gc.collect()
        report(done, total)

    gc.disable()
    try:
        yield told
    finally:
        gc.enable()
