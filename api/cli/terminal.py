"""What every command shares: settings, one event loop, errors in a sentence, progress.

Exit codes: 0 done, 1 failed or surprised, 2 called wrongly (click's own).
"""

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy.exc import SQLAlchemyError

from api import settings as environment
from api.settings import Settings
from policies.catalogue import CatalogueError
from vault.envelope_errors import (
    KeyLostError,
    KeysUnavailableError,
    OldStoreError,
    TamperedError,
)
from vault.key_places import KeySetupError

T = TypeVar("T")
Report = Callable[[int, int], None]
"""Told how many are done, and of how many (0: unknown)."""

LINE_SECONDS: Final = 2.0
"""Where there is no terminal, a line of progress this often."""


def settings() -> Settings:
    """The settings of the environment, or a usage error."""
    try:
        return environment.from_environ()
    except environment.SettingsError as wrong:
        raise click.UsageError(str(wrong)) from None


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, guarded."""
    return guarded(lambda: asyncio.run(work))


def guarded(work: Callable[[], T]) -> T:
    """Do it; what an operator can mend is said in a sentence, the rest is a traceback."""
    try:
        return work()
    except CatalogueError as wrong:
        raise click.ClickException(f"the catalogue is not whole:\n{wrong}") from None
    except KeySetupError as wrong:
        raise click.ClickException(f"{wrong}; `amana keys init` makes the first root") from None
    except KeysUnavailableError:
        raise click.ClickException("the token of the root keys does not answer") from None
    except OldStoreError as wrong:
        raise click.ClickException(str(wrong)) from None
    except (KeyLostError, TamperedError) as wrong:
        raise click.ClickException(
            f"the store and the root key do not belong together ({type(wrong).__name__})"
        ) from None
    except SQLAlchemyError as wrong:
        raise click.ClickException(
            f"the database does not answer as it must ({type(wrong).__name__}); "
            "is it there, and did `amana migrate` run?"
        ) from wrong


@contextmanager
def progress(what: str) -> Iterator[Report]:
    """Show done, total, rate and time left on standard error while the block runs."""
    if sys.stderr.isatty():
        with _bar(what) as report:
            yield report
    else:
        lines = _Lines(what)
        yield lines.report
        lines.end()


@contextmanager
def _bar(what: str) -> Iterator[Report]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    began = time.monotonic()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None, rate="")

        def report(done: int, total: int) -> None:
            rate = f"{_rate(done, began):,.0f}/s"
            bar.update(task, completed=done, total=total or None, rate=rate)

        yield report


class _Lines:
    """Progress where nobody watches: a line now and then, and one at the end."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._began = self._said = time.monotonic()
        self._done = 0

    def report(self, done: int, total: int) -> None:
        self._done = done
        if time.monotonic() - self._said >= LINE_SECONDS:
            self._said = time.monotonic()
            rate = _rate(done, self._began)
            left = f", {(total - done) / rate:.0f} s left" if total and rate else ""
            click.echo(f"{self._what}: {done}/{total or '?'}, {rate:,.0f}/s{left}", err=True)

    def end(self) -> None:
        if self._said > self._began:
            seconds = time.monotonic() - self._began
            click.echo(f"{self._what}: {self._done} in {seconds:.1f} s", err=True)


def _rate(done: int, began: float) -> float:
    return done / max(time.monotonic() - began, 1e-9)
