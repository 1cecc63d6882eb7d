"""The command line: `amana`. A family of commands is imported when it is called, not before."""

import click

from api.cli.lazy import Family, Place


def _keep_inside() -> None:
    """Whatever is called next may hold keys."""
    from vault import process_memory  # noqa: PLC0415  (`amana --help` imports no room)

    process_memory.keep_inside()


main = Family(
    name="amana",
    callback=_keep_inside,
    help="Identity and consent for social-protection registers.",
    epilog="Settings come from AMANA_* variables: docs/operations.md.",
    places={
        "demo": Place("api.cli.demo:demo", "Seed a synthetic country and serve it here."),
        "serve": Place("api.cli.serve:serve", "Serve the public app, the console, or both."),
        "walk": Place("api.cli.walk:walk", "Play the whole story against running servers."),
        "migrate": Place("api.cli.migrate:migrate", "Bring the database to this version."),
        "keys": Place("api.cli.keys:keys", "The root key, and every key below it."),
        "index": Place("api.cli.index:index", "The blind indexes: rotate, reindex, lint."),
        "catalogue": Place("api.cli.catalogue:catalogue", "What the DPO signs: check it."),
        "import": Place("api.cli.imports:imports", "Bring in people and households."),
        "programme": Place("api.cli.programme:programme", "Register and suspend programmes."),
        "pseudonyms": Place(
            "api.cli.pseudonyms:pseudonyms", "Programmes' identifiers, by version of their keys."
        ),
        "staff": Place("api.cli.staff:staff", "Open and close accounts of the console."),
        "citizen": Place("api.cli.citizen:citizen", "Open portal accounts."),
        "erase": Place(
            "api.cli.erase:erase", "Erase people for ever, and see that they stay erased."
        ),
        "log": Place("api.cli.log:log", "Seal and verify the access log."),
        "witness": Place(
            "api.cli.witness:witness", "Remember how a log grew, and cosign only that."
        ),
        "token": Place("api.cli.token:token", "Keys that sign access tokens."),
        "bench": Place("api.cli.bench:bench", "Measure, beside a baseline in the same run."),
    },
)
click.version_option(package_name="amana")(main)
