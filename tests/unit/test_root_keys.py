import asyncio
import threading
import time

import click.testing
import pytest
from litestar import Litestar, get
from litestar.testing import TestClient

from api import problems, root_keys
from api import settings as environment
from api.cli.keys import keys as command
from api.root_keys import RootWatch
from api.settings import Settings, SettingsError
from vault.envelope_errors import KeysUnavailableError
from vault.key_places import FilePlace, KeySetupError, TokenPlace
from vault.keys import FileKeys
from vault.passphrases import Passphrase

WORDS = "zellige mint caravan 7"


def test_files_are_where_the_settings_say(tmp_path):
    settings = Settings(data_dir=tmp_path)
    root_keys.created(settings)
    assert root_keys.opened(settings).versions == (1,)
    assert (tmp_path / "keys" / "root-1.key").is_file()


def test_a_passphrase_is_read_from_its_file_without_the_end_of_line(tmp_path):
    root_keys.created(Settings(data_dir=tmp_path), Passphrase(WORDS))
    (tmp_path / "words").write_text(f"{WORDS}\n")
    settings = Settings(data_dir=tmp_path, keys_passphrase_file=tmp_path / "words")
    assert root_keys.opened(settings).versions == (1,)
    with pytest.raises(KeySetupError, match="there is no passphrase"):
        root_keys.opened(Settings(data_dir=tmp_path))


def test_a_passphrase_that_cannot_be_read_is_named_by_its_file(tmp_path):
    settings = Settings(data_dir=tmp_path, keys_passphrase_file=tmp_path / "none")
    with pytest.raises(KeySetupError, match="the file of the passphrase cannot be read"):
        root_keys.opened(settings)


def test_a_token_is_named_by_three_settings():
    settings = environment.from_environ(
        {
            "AMANA_KEYS_PROVIDER": "pkcs11",
            "AMANA_PKCS11_MODULE": "/usr/lib/vendor.so",
            "AMANA_PKCS11_LABEL": "registers",
            "AMANA_PKCS11_PIN_FILE": "/run/pin",
        }
    )
    place = root_keys.place(settings)
    assert isinstance(place, TokenPlace)
    assert (str(place.module), place.label, str(place.pin_file)) == (
        "/usr/lib/vendor.so",
        "registers",
        "/run/pin",
    )


@pytest.mark.parametrize("given", ["AMANA_PKCS11_MODULE", "AMANA_PKCS11_PIN_FILE"])
def test_a_token_without_its_module_or_pin_stops_the_start(given):
    with pytest.raises(SettingsError, match="AMANA_KEYS_PROVIDER=pkcs11 needs AMANA_PKCS11_"):
        environment.from_environ({"AMANA_KEYS_PROVIDER": "pkcs11", given: "/run/file"})


def test_systemd_credentials_stand_in_for_settings_that_are_not_there(tmp_path):
    (tmp_path / "amana-root-passphrase").write_text(WORDS)
    systemd = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    settings = environment.from_environ(systemd)
    assert settings.keys_passphrase_file == tmp_path / "amana-root-passphrase"
    assert settings.pkcs11_pin_file is None
    chosen = environment.from_environ({**systemd, "AMANA_KEYS_PASSPHRASE_FILE": "/run/words"})
    assert str(chosen.keys_passphrase_file) == "/run/words"


class Slow:
    """A provider that answers when it is let."""

    def __init__(self, *, well):
        self.well = well
        self.asked = 0
        self.let = threading.Event()

    def healthy(self):
        self.asked += 1
        self.let.wait(30)
        return self.well


async def test_threat_39_a_slow_provider_never_holds_the_event_loop(monkeypatch):
    monkeypatch.setattr(root_keys, "PATIENCE_SECONDS", 2.0)
    slow = Slow(well=True)
    watch = RootWatch(slow)
    asking = asyncio.gather(*(watch.well() for _ in range(50)))
    longest = before = 0.0
    while not asking.done():
        before = time.monotonic()
        await asyncio.sleep(0.01)
        longest = max(longest, time.monotonic() - before)
    assert longest < 1  # it would be the two seconds of the wait, or the thirty of the provider
    assert set(asking.result()) == {False}
    assert slow.asked == 1
    slow.let.set()
    assert await watch.well()
    assert slow.asked == 1


@pytest.mark.parametrize("well", [True, False])
async def test_threat_38_an_answer_is_believed_for_some_seconds(monkeypatch, well):
    keys = Slow(well=well)
    keys.let.set()
    watch = RootWatch(keys)
    assert [await watch.well() for _ in range(3)] == [well] * 3
    assert keys.asked == 1
    monkeypatch.setattr(root_keys, "BELIEVED_SECONDS", 0)
    watch._until = 0
    keys.well = not well
    assert await watch.well() is not well
    assert keys.asked == 2


def test_threat_38_while_the_root_keys_are_away_a_programme_is_told_when_to_come_back():
    @get("/")
    async def away() -> None:
        raise KeysUnavailableError

    with TestClient(Litestar([away], exception_handlers=problems.handlers())) as client:
        answer = client.get("/")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert answer.json()["type"] == "urn:amana:problem:unavailable"


def run(*arguments, given="", **environ):
    return click.testing.CliRunner().invoke(
        command,
        arguments,
        input=given,
        env={f"AMANA_{name}": str(environ[name]) for name in environ},
    )


def test_init_asks_for_a_passphrase_twice_and_shows_none(tmp_path):
    told = run("init", "--passphrase", given=f"{WORDS}\n{WORDS}\n", KEYS_DIR=tmp_path / "keys")
    assert told.exit_code == 0
    assert "root key version 1" in told.output
    assert WORDS not in told.output
    assert FileKeys(tmp_path / "keys", Passphrase(WORDS)).versions == (1,)


def test_init_with_a_token_takes_no_passphrase():
    told = run(
        "init",
        "--passphrase",
        KEYS_PROVIDER="pkcs11",
        PKCS11_MODULE="/usr/lib/vendor.so",
        PKCS11_PIN_FILE="/run/pin",
    )
    assert told.exit_code == 2
    assert "a PIN, not a passphrase" in told.output


def test_init_with_another_passphrase_says_so_and_changes_nothing(tmp_path):
    run("init", "--passphrase", given=f"{WORDS}\n{WORDS}\n", KEYS_DIR=tmp_path / "keys")
    told = run("init", "--passphrase", given="other\nother\n", KEYS_DIR=tmp_path / "keys")
    assert told.exit_code == 1
    assert "wrong passphrase, or altered" in told.output
    assert isinstance(root_keys.place(Settings(data_dir=tmp_path)), FilePlace)


@pytest.mark.softhsm
def test_init_makes_the_first_root_of_a_token_and_never_a_second(token_place, tmp_path):
    token = {
        "KEYS_PROVIDER": "pkcs11",
        "PKCS11_MODULE": token_place.module,
        "PKCS11_PIN_FILE": token_place.pin_file,
    }
    for _ in range(2):
        told = run("init", **token)
        assert told.exit_code == 0
        assert "root key version 1 in the token amana" in told.output
    (tmp_path / "tokens").rename(tmp_path / "away")
    told = run("init", **token)
    assert told.exit_code == 1
    assert "the token does not answer" in told.output
