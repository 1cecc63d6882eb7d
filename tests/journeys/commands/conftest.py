"""A data folder of its own, and the command line as an operator calls it."""

import pytest
from click.testing import CliRunner

from api import settings as environment
from api.cli import main
from api.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path / "data", log_level="warning")


@pytest.fixture
def amana(settings):
    """Call `amana …` with the settings of this test; gives exit code and output."""
    ours = {
        name: value
        for name, value in environment.to_environ(settings).items()
        if name.startswith(environment.PREFIX)
    }

    def call(*words, **given):
        return CliRunner().invoke(main, list(words), env=ours, catch_exceptions=False, **given)

    return call


@pytest.fixture
def installed(amana):
    """The same, with keys and a migrated store."""
    assert amana("keys", "init").exit_code == 0
    assert amana("migrate").exit_code == 0
    return amana
