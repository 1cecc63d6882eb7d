"""The garbage collector, told what need not be looked through."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def settled() -> Iterator[None]:
    """What is loaded by now stays for the block: the collector passes it over."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
