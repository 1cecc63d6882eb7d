"""`amana catalogue`: what the DPO signs, checked whole before it is served."""

from pathlib import Path

import click

from api import running
from api.cli import terminal
from policies.catalogue import CatalogueError
from policies.catalogue import compile as compile_catalogue


@click.group()
def catalogue() -> None:
    """What the DPO signs: check it."""


@catalogue.command()
@click.argument(
    "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=None
)
def check(folder: Path | None) -> None:
    """Compile the catalogue in FOLDER (default: the one that is served) and name every problem."""
    place = folder or terminal.settings().catalogue_dir or running.SHIPPED_CATALOGUE
    files = {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*.toml")}
    try:
        whole = compile_catalogue(files)
    except CatalogueError as wrong:
        for at in wrong.problems:
            click.echo(f"{place / at.file}:{at.line}: {at.message}", err=True)
        raise click.ClickException(f"{len(wrong.problems)} problems") from None
    click.echo(
        f"whole: {len(whole.purposes)} purposes, {len(whole.attributes)} attributes, "
        f"{len(whole.programmes)} programmes, {len(whole.agreements)} agreements; "
        f"hash {whole.hash}"
    )
