"""The whole story against real servers: every store, both servers, and a stranger's eyes."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

AMANA = [sys.executable, "-m", "api"]
STEPS = 5


def environ(folder):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AMANA_")}
    return kept | {"AMANA_DATA_DIR": str(folder / "data")}


def walk(folder, *words):
    return subprocess.run(
        [*AMANA, "walk", *words], capture_output=True, text=True, env=environ(folder), check=False
    )


@pytest.mark.parametrize("server", ["granian", "uvicorn"])
def test_the_walk_on_the_embedded_store_holds_no_surprise(tmp_path, server):
    done = walk(tmp_path, "--here", "--server", server)

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert [line for line in done.stdout.splitlines() if line[:2] in {"1.", "2.", "3.", "4.", "5."}]
    assert done.stdout.count("\n5. ") == 1


@pytest.mark.postgres
@pytest.mark.redis
def test_the_walk_on_postgresql_and_redis_holds_no_surprise(tmp_path, postgres_server, empty_redis):
    done = walk(tmp_path, "--here", "--postgres", postgres_server, "--redis", empty_redis)

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_no_secret_is_told(tmp_path):
    done = walk(tmp_path, "--here")
    told = done.stdout + done.stderr

    assert done.returncode == 0
    assert "password=•••" in told
    assert "code=•••" in told
    assert '"refresh_token": "…(' in told
    assert "eyJ" not in told, "no token, proof or assertion, not even its beginning"


def test_a_server_that_is_not_there_is_a_surprise(tmp_path):
    (tmp_path / "credentials.json").write_text("{}")
    done = walk(tmp_path, "--credentials", str(tmp_path / "credentials.json"))

    assert done.returncode == 1
    assert "surprise" in done.stderr


def test_without_credentials_it_is_called_wrongly(tmp_path):
    done = walk(tmp_path, "--credentials", str(tmp_path / "nothing.json"))

    assert done.returncode == 2
    assert "does the demo run?" in done.stderr


@pytest.mark.parametrize(
    ("told", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGKILL, -9)]
)
def test_the_demo_serves_and_both_servers_stop_with_it(tmp_path, told, code):
    ports = free_ports(2)
    words = (
        *("demo", "--people", "60"),
        *("--public-port", str(ports[0])),
        *("--console-port", str(ports[1])),
    )
    with (
        (tmp_path / "said").open("w") as aside,
        subprocess.Popen(
            [*AMANA, *words],
            stdout=subprocess.PIPE,
            stderr=aside,
            text=True,
            env=environ(tmp_path),
        ) as demo,
    ):
        try:
            serves = any("Ctrl-C" in line for line in demo.stdout)
            assert serves, (tmp_path / "said").read_text()
            assert [listens(port) for port in ports] == [True, True]
            demo.send_signal(told)
            assert demo.wait(60) == code
        finally:
            demo.kill()
    assert [falls_silent(port) for port in ports] == [True, True]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def falls_silent(port, seconds=20):
    deadline = time.monotonic() + seconds
    while listens(port) and time.monotonic() < deadline:
        time.sleep(0.2)
    return not listens(port)


def free_ports(count):
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in listeners]
    for each in listeners:
        each.close()
    return ports
