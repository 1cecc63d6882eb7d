"""`amana bench matching`: names wrongly refused or wrongly taken, by our rule and by MOSIP's."""

import click

from identity.registry import name_benchmark


@click.command()
@click.option("--names", default=400, show_default=True, help="Names per kind of pair.")
@click.option(
    "--seed", default="amana-names-1", show_default=True, help="The same seed, the same figures."
)
def matching(names: int, seed: str) -> None:
    """False accepts and false refusals.

    A labelled synthetic benchmark (spellings by transliteration), ours beside MOSIP's rule.
    """
    click.echo(name_benchmark.printed(name_benchmark.run(seed, names=names)))
