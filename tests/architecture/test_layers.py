"""Imports only go down, and the contracts of pyproject.toml hold."""

import os
from pathlib import Path

from importlinter import cli

ROOT = Path(__file__).parents[2]


def test_the_import_contracts_hold(capfd):
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        outcome = cli.lint_imports(
            config_filename=str(ROOT / "pyproject.toml"), cache_dir=None, no_cache=True
        )
    finally:
        os.chdir(before)

    assert outcome == cli.EXIT_STATUS_SUCCESS, capfd.readouterr().out
