"""`amana witness`: the witness of a log, on a machine that is not the log's."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from api import serving
from api.witness import app, configuration, memory
from api.witness.memory import WitnessSetupError

PORT: Final = 8002

_folder: Final = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("witness"),
    show_default=True,
    help="Where its key and what it saw are kept (mode 0700).",
)


@click.group()
def witness() -> None:
    """Remember how a log grew, and cosign only that."""


@witness.command()
@_folder
@click.option("--name", required=True, help="What it is known by, such as witness.example/dpo.")
def init(*, folder: Path, name: str) -> None:
    """Make the key of a witness and print its public half (a vkey)."""
    if not name or "+" in name or any(each.isspace() for each in name):
        raise click.UsageError("a name has no space and no plus sign")
    click.echo(_guarded(memory.make, folder, name).verifier.vkey())


@witness.command()
@_folder
def key(*, folder: Path) -> None:
    """Print the public key (a vkey) again."""
    click.echo(_guarded(memory.identity, folder).verifier.vkey())


@witness.command()
@_folder
@click.option(
    "--logs",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help='TOML: [log."<origin>"] with keys = ["<vkey>"].',
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=int, default=PORT, show_default=True, help="Where it listens.")
def serve(*, folder: Path, logs: Path, host: str, port: int) -> None:
    """Answer submissions (C2SP tlog-witness) until SIGTERM."""
    import uvicorn  # noqa: PLC0415  (`amana witness init` needs no server)

    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)
    held = app.Witness(
        folder=folder,
        identity=_guarded(memory.identity, folder),
        logs=_guarded(configuration.load, logs),
    )
    for origin in held.logs:
        _guarded(memory.latest, folder, origin)  # what is not whole is found before it is asked
    try:
        with memory.alone(folder):
            uvicorn.run(
                app.app(held),
                host=host,
                port=port,
                http=serving.CONNECTION,
                loop="uvloop",
                ws="none",
                log_level="warning",
                access_log=False,
                server_header=False,
            )
    except WitnessSetupError as wrong:
        raise click.ClickException(str(wrong)) from None


def _guarded(work: Callable[..., Any], *given: Any) -> Any:
    try:
        return work(*given)
    except WitnessSetupError as wrong:
        raise click.ClickException(str(wrong)) from None
