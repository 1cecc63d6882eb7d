"""The demo: seeded once, resumed, never laid over something else; credentials as promised."""

import json
import stat

import pyotp
import pytest

from api.cli import demo as command
from api.demo import building, seeding

PEOPLE = "80"
SEED = ("demo", "--no-serve", "--people", PEOPLE)


@pytest.fixture
def credentials(settings):
    return building.credentials(settings)


def test_it_seeds_once_and_resumes(amana, settings, credentials):
    first = amana(*SEED)
    written = credentials.read_bytes()
    second = amana(*SEED)

    assert (first.exit_code, second.exit_code) == (0, 0), first.output
    assert credentials.read_bytes() == written
    assert stat.S_IMODE(settings.data_dir.stat().st_mode) == 0o700


def test_the_credentials_are_whole_and_private(amana, credentials):
    amana(*SEED)
    told = json.loads(credentials.read_bytes())

    assert stat.S_IMODE(credentials.stat().st_mode) == 0o600
    assert set(told) == {"citizens", "staff", "programmes"}
    assert len(told["citizens"]) == 12
    assert set(told["staff"]) == {"agency", "controller", "dpo", "operator"}
    for citizen in told["citizens"]:
        assert {"identifier", "password", "totp_secret", "name"} <= citizen.keys()
    assert {each["client_id"] for each in told["programmes"]} == {"amo-tadamon", "asd", "minhaty"}
    for programme in told["programmes"]:
        assert set(programme) == {"client_id", "jwk_file", "redirect_uri", "agreements"}
        key = credentials.parent / programme["jwk_file"]
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert "d" in json.loads(key.read_bytes())


@pytest.mark.parametrize("step", ["enter_people", "enter_households", "_credentials"])
def test_a_kill_in_any_step_is_made_good_by_the_next_run(amana, credentials, monkeypatch, step):
    whole = seeding.enter_people if step == "enter_people" else None
    place = building if step == "_credentials" else seeding
    calls = 0

    async def cut(*arguments):
        nonlocal calls
        calls += 1
        if whole is not None:
            arguments = (*arguments[:-1], _killer(arguments[-1]))
            await whole(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(seeding, "CHUNK", 30)
        patched.setattr(place, step, cut)
        assert amana(*SEED).exit_code == 1

    assert calls == 1
    assert not credentials.exists()
    assert amana(*SEED).exit_code == 0
    assert len(json.loads(credentials.read_bytes())["citizens"]) == 12


def _killer(report):
    def killing(done, total):
        report(done, total)
        raise KeyboardInterrupt

    return killing


def test_a_folder_that_holds_something_else_is_left_alone(amana, settings):
    settings.data_dir.mkdir()
    (settings.data_dir / "thesis.tex").write_text("ten years")

    answer = amana("demo", "--reset", "--no-serve", "--people", PEOPLE)

    assert answer.exit_code == 1
    assert "left alone" in answer.stderr
    assert (settings.data_dir / "thesis.tex").read_text() == "ten years"


def test_a_reset_makes_new_keys_and_secrets(amana, settings, credentials):
    amana(*SEED)
    before, key = credentials.read_bytes(), (settings.keys / "root-1.key").read_bytes()

    assert amana(*SEED, "--reset").exit_code == 0
    assert credentials.read_bytes() != before
    assert (settings.keys / "root-1.key").read_bytes() != key


def test_a_code_is_told_by_role_number_or_name(amana, credentials):
    amana(*SEED)
    told = json.loads(credentials.read_bytes())
    citizen = told["citizens"][0]

    for name, secret in (
        *told["staff"].items(),
        (citizen["identifier"], citizen),
        (citizen["name"], citizen),
    ):
        app = pyotp.TOTP(secret["totp_secret"])
        before = app.now()
        shown = amana("demo", "code", name)
        assert shown.output.strip() in {before, app.now()}
    assert amana("demo", "code", "Nobody At All").exit_code == 2


def test_without_a_demo_there_is_no_code(amana):
    answer = amana("demo", "code", "dpo")

    assert answer.exit_code == 1
    assert "amana demo" in answer.stderr


def test_a_port_that_is_taken_is_said_before_anything_is_made(amana, settings):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        answer = amana("demo", "--public-port", str(taken.getsockname()[1]))

    assert answer.exit_code == 1
    assert "taken" in answer.stderr
    assert not settings.data_dir.exists()


def test_the_commands_that_are_printed_exist():
    assert command.demo.get_command(None, "code") is not None
