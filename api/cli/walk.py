"""`amana walk`: the whole story over HTTP, against running servers or servers of its own."""

import sys
from pathlib import Path
from typing import Literal

import click

from api.walk import story
from api.walk.telling import SurpriseError, Teller


@click.command()
@click.option(
    "--public", default="http://127.0.0.1:8000", show_default=True, help="Origin of the public app."
)
@click.option(
    "--console",
    default="http://127.0.0.1:8001",
    show_default=True,
    help="Origin of the console app.",
)
@click.option(
    "--credentials",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("data/demo/credentials.json"),
    show_default=True,
    help="What the demo wrote.",
)
@click.option("--quiet", is_flag=True, help="The steps only, not what was sent and answered.")
@click.option("--here", is_flag=True, help="Against servers of its own, thrown away afterwards.")
@click.option(
    "--postgres", default="", metavar="URL", help="With --here: a server to make a database on."
)
@click.option(
    "--server",
    type=click.Choice(["uvicorn", "granian"]),
    default="uvicorn",
    show_default=True,
    help="With --here: which server answers.",
)
@click.option("--redis", default="", metavar="URL", help="With --here: short-lived state, shared.")
def walk(
    *,
    public: str,
    console: str,
    credentials: Path,
    quiet: bool,
    here: bool,
    postgres: str,
    redis: str,
    server: Literal["uvicorn", "granian"],
) -> None:
    """Play the whole story against running servers.

    A programme verifies a person; the citizen agrees, looks, and stops it; the DPO reviews.
    Exit code 1 at the first surprise.
    """
    if here:
        sys.exit(_here(postgres, redis, server, quiet=quiet))
    if postgres or redis:
        raise click.UsageError("--postgres and --redis go with --here")
    if not credentials.is_file():
        raise click.UsageError(f"no credentials at {credentials}: does the demo run?")
    try:
        story.play(public, console, credentials, Teller(quiet=quiet))
    except SurpriseError as wrong:
        raise click.ClickException(f"surprise: {wrong}") from wrong
    click.echo("\nThe walk is done: nothing was a surprise.")


def _here(postgres: str, redis: str, server: Literal["uvicorn", "granian"], *, quiet: bool) -> int:
    # Only here: a stranger needs nothing of the service to walk.
    from api.cli import terminal  # noqa: PLC0415
    from api.demo import rehearsal  # noqa: PLC0415

    return terminal.run(rehearsal.walk(postgres=postgres, redis=redis, server=server, quiet=quiet))
