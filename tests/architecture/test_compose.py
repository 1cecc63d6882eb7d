"""docker-compose.yml sets only settings that exist, and grants nothing that is not needed."""

from pathlib import Path

import click
import msgspec
import pytest
import yaml

from api import settings
from api.cli import main

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: each for name, each in SERVICES.items() if "amana" in str(each.get("image"))}
LONG_RUNNING = {
    name: each for name, each in SERVICES.items() if each.get("restart") == "unless-stopped"
}
PLACEHOLDERS = {
    "AMANA_ISSUER": "https://amana.example",
    "AMANA_TRUSTED_PROXIES": "172.16.0.0/12",
    "AMANA_CONSOLE_ORIGIN": "https://console.amana.example",
    "AMANA_WORKERS": "2",
    "AMANA_LOG_LEVEL": "info",
}


def test_the_processes_are_the_ones_of_the_house():
    assert set(SERVICES) == {
        "postgres", "redis", "keys", "migrate", "public", "console", "sequencer",
    }  # fmt: skip


@pytest.mark.parametrize("name", OURS)
def test_a_service_sets_only_settings_that_are_read(name, tmp_path):
    given = OURS[name]["environment"]
    known = {
        f"{settings.PREFIX}{field.name.upper()}"
        for field in msgspec.structs.fields(settings.Settings)
    }
    known |= {f"{settings.PREFIX}{secret}_FILE" for secret in ("DATABASE_URL", "REDIS_URL")}
    for secret in COMPOSE["secrets"]:
        (tmp_path / secret).write_text("redis://inside" if "redis" in secret else "")

    assert set(given) <= known
    read = settings.from_environ(
        {key: _filled(key, value, tmp_path) for key, value in given.items()}
    )
    assert read.sequencer == "outside"


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_command_that_exists(name):
    command: click.Command = main
    words = list(OURS[name]["command"])
    while words and isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None
        command = found

    command.make_parser(click.Context(command)).parse_args(words)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_more_rights_than_it_needs(name):
    service = SERVICES[name]

    assert service["user"].split(":")[0] not in {"0", "root"}
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service.get("tmpfs"), "what must be written is written to memory"
    assert not service.get("privileged")
    assert service.get("network_mode") != "host"


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_a_long_running_service_is_watched(name):
    assert LONG_RUNNING[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_secret_is_a_file_and_not_a_variable(name):
    service = SERVICES[name]
    given = service.get("environment", {})

    assert {each for each in given if "PASSWORD" in each and not each.endswith("_FILE")} == set()
    assert not any("://" in str(value) and "@" in str(value) for value in given.values())
    for value in given.values():
        if str(value).startswith("/run/secrets/"):
            assert str(value).rpartition("/")[2] in service["secrets"]
    assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])


def test_each_process_signs_in_to_the_database_with_its_own_rights():
    urls = {name: each["environment"].get("AMANA_DATABASE_URL_FILE") for name, each in OURS.items()}

    assert urls == {
        "keys": "/run/secrets/app_database_url",
        "migrate": "/run/secrets/owner_database_url",
        "public": "/run/secrets/app_database_url",
        "sequencer": "/run/secrets/app_database_url",
        "console": "/run/secrets/console_database_url",
    }


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_listens_to_the_world_without_a_proxy(name):
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


@pytest.mark.parametrize("name", sorted(set(OURS) - {"keys"}))
def test_only_the_setup_may_write_the_root_key(name):
    assert "keys:/keys:ro" in OURS[name]["volumes"]


def _filled(name: str, value: object, folder: Path) -> str:
    text = str(value)
    if text.startswith("/run/secrets/"):
        return str(folder / text.rpartition("/")[2])
    return PLACEHOLDERS[name] if text.startswith("${") else text
