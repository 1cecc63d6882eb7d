"""Sealed root keys whose passphrase is nowhere but in the head of who starts the service."""

import contextlib
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from api import root_keys, serving
from api import settings as environment
from vault.passphrases import Passphrase

WORDS = "zellige mint caravan 7"
PATIENCE_SECONDS = 60
USAGE = 2


class Terminal:
    """A command at a terminal of its own: what it says, and what is typed."""

    def __init__(self, words, environ):
        self.said = b""
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "api", *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environ,
            start_new_session=True,
        )
        os.close(theirs)

    def type(self, line):
        os.write(self._ours, line.encode() + b"\n")

    def wait_for(self, what, seconds=PATIENCE_SECONDS):
        end = time.monotonic() + seconds
        while what.encode() not in self.said:
            assert time.monotonic() < end, self.said.decode()
            assert self._read() or self.process.poll() is None, self.said.decode()

    def end(self):
        end = time.monotonic() + PATIENCE_SECONDS
        while self.process.poll() is None:
            assert time.monotonic() < end, self.said.decode()
            self._read()
        while self._read():
            pass
        return self.process.returncode

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        self.end()
        os.close(self._ours)

    def _read(self):
        if not select.select([self._ours], [], [], 0.1)[0]:
            return False
        try:
            new = os.read(self._ours, 4096)
        except OSError:  # the other end is closed
            return False
        self.said += new
        return bool(new)


@pytest.fixture
def sealed(installed_sealed, settings):
    return environment.to_environ(settings)


@pytest.fixture
def installed_sealed(amana, settings):
    root_keys.created(settings, Passphrase(WORDS))
    assert amana("migrate").exit_code == 0


@pytest.fixture
def at_terminal(sealed):
    with contextlib.ExitStack() as stack:

        def start(*words):
            terminal = Terminal(words, sealed)
            stack.callback(terminal.close)
            return terminal

        yield start


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_a_command_asks_for_it_and_does_not_show_it(at_terminal):
    terminal = at_terminal("keys", "status")
    terminal.wait_for("Passphrase of the root keys:")
    terminal.type(WORDS)
    assert terminal.end() == 0, terminal.said.decode()
    assert b"root" in terminal.said.partition(b"root keys:")[2]
    assert WORDS.encode() not in terminal.said


def test_a_wrong_one_is_refused_in_a_sentence(at_terminal):
    terminal = at_terminal("keys", "status")
    terminal.wait_for("Passphrase of the root keys:")
    terminal.type("zellige mint caravan 8")
    assert terminal.end() == 1
    terminal.wait_for("does not open: wrong passphrase, or altered", seconds=1)


def test_without_a_terminal_nothing_is_asked(amana, installed_sealed):
    told = amana("keys", "status", input=f"{WORDS}\n")
    assert told.exit_code == 1
    assert "is sealed and there is no passphrase" in told.output


@pytest.mark.parametrize("server", serving.SERVERS)
def test_the_service_asks_once_and_its_workers_find_it_in_memory(at_terminal, server):
    port = free_port()
    terminal = at_terminal("serve", "public", "--port", str(port), "--server", server)
    terminal.wait_for("Passphrase of the root keys:")
    terminal.type(WORDS)

    assert ready(port, terminal), terminal.said.decode()
    assert WORDS.encode() not in terminal.said
    inside = Path("/proc") / str(terminal.process.pid)
    assert WORDS.encode() not in (inside / "environ").read_bytes()


def test_several_workers_that_would_not_inherit_it_are_refused(at_terminal, sealed):
    sealed |= {"AMANA_REDIS_URL": "redis://127.0.0.1:1/0"}
    terminal = at_terminal("serve", "public", "--workers", "2")
    terminal.wait_for("Passphrase of the root keys:")
    terminal.type(WORDS)
    assert terminal.end() == USAGE
    terminal.wait_for("serve by granian", seconds=1)


def test_both_apps_are_handed_what_was_typed_once(at_terminal, sealed):
    public, console = free_port(), free_port()
    sealed |= {
        "AMANA_ISSUER": f"http://127.0.0.1:{public}",
        "AMANA_CONSOLE_ORIGIN": f"http://127.0.0.1:{console}",
    }
    terminal = at_terminal("serve", "all")
    terminal.wait_for("Passphrase of the root keys:")
    terminal.type(WORDS)

    assert ready(public, terminal), terminal.said.decode()
    assert ready(console, terminal), terminal.said.decode()
    assert terminal.said.count(b"Passphrase") == 1


def ready(port, terminal):
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end and terminal.process.poll() is None:
        with contextlib.suppress(httpx2.TransportError):
            answer = httpx2.get(f"http://127.0.0.1:{port}/health/ready", trust_env=False)
            if answer.status_code == httpx2.codes.OK:
                return True
        time.sleep(0.1)
    return False
