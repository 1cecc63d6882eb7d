"""`amana import`: files into the registers; every line checked, resumable at any point."""

from pathlib import Path
from typing import Literal

import click

from api.cli import store, terminal
from identity.registry import importing
from identity.registry.importing import Imported, ImportFileError
from policies.vocabulary import Actor, ActorKind

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
REJECTS = click.Path(dir_okay=False, path_type=Path)
BY = Actor(kind=ActorKind.SYSTEM, id="import")


@click.group()
def imports() -> None:
    """Bring in people and households."""


@imports.command()
@click.argument("file", type=FILE)
@click.option("--rejects", type=REJECTS, help="Where rejected lines go. Default: beside FILE.")
def people(file: Path, rejects: Path | None) -> None:
    """Enter the people of FILE (JSON Lines or CSV); docs/import-formats.md has the fields."""
    _import("people", file, rejects)


@imports.command()
@click.argument("file", type=FILE)
@click.option("--rejects", type=REJECTS, help="Where rejected lines go. Default: beside FILE.")
def households(file: Path, rejects: Path | None) -> None:
    """Enter the households of FILE; their members are on the register first."""
    _import("households", file, rejects)


def _import(what: Literal["people", "households"], file: Path, rejects: Path | None) -> None:
    try:
        with terminal.progress(f"importing {what}") as report:
            done = terminal.run(_run(what, file, rejects, report))
    except ImportFileError as wrong:
        raise click.ClickException(str(wrong)) from None
    click.echo(f"{done.taken} taken, {done.rejected} rejected")
    if done.rejected:
        raise click.ClickException(f"rejected lines are in {done.rejects}")


async def _run(
    what: Literal["people", "households"],
    file: Path,
    rejects: Path | None,
    report: terminal.Report,
) -> Imported:
    async with store.opened() as held:
        return await importing.import_file(
            held.database,
            held.keyring,
            held.catalogue,
            what,
            file,
            by=BY,
            rejects=rejects,
            report=lambda at: report(at.done, at.total),
        )
