"""The command line explains itself, starts fast, and says wrong calls on standard error."""

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from api.cli import main
from api.cli.lazy import Family


def _commands(
    command: click.Command, *above: str
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield above, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _commands(below, *above, name)


EVERY = list(_commands(main))


@pytest.mark.parametrize(
    ("words", "command"), EVERY, ids=lambda each: " ".join(each) if isinstance(each, tuple) else ""
)
def test_every_command_has_help(words, command):
    answer = CliRunner().invoke(main, [*words, "--help"])

    assert answer.exit_code == 0
    assert command.help
    assert all(option.help for option in command.params if _explains(option)), "every option too"


def _explains(option: click.Parameter) -> bool:
    return isinstance(option, click.Option) and option.name not in {"host", "alg", "server"}


def test_the_list_of_commands_says_what_they_say_themselves():
    for words, command in EVERY:
        if not isinstance(command, Family):
            continue
        for name, place in command.places.items():
            below = command.get_command(click.Context(command), name)
            assert below is not None
            assert place.summary == (below.help or "").partition("\n")[0], (*words, name)


def test_help_imports_no_room_of_the_house():
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from api.cli import main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0\n"
        "print(*sorted({'vault', 'identity', 'litestar', 'sqlalchemy'} & set(sys.modules)))\n"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert found.stdout.split() == []


@pytest.mark.parametrize(
    "words", [["nothing"], ["serve", "nothing"], ["import", "people"], ["programme", "add"]]
)
def test_a_wrong_call_is_a_usage_error_on_standard_error(words):
    answer = CliRunner().invoke(main, words)

    assert answer.exit_code == 2
    assert "Usage:" in answer.stderr
    assert answer.stdout == ""


def test_a_wrong_setting_is_named_without_its_value():
    answer = CliRunner().invoke(main, ["keys", "init"], env={"AMANA_WORKERS": "s3cret"})

    assert answer.exit_code == 2
    assert "AMANA_WORKERS" in answer.stderr
    assert "s3cret" not in answer.output
