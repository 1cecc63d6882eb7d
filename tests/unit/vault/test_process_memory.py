"""Threat 47: no key in a log, a trace, an exception, a pickle or a core dump."""

import ctypes
import io
import json
import logging
import os
import pickle
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
import structlog

from api import observing
from vault import envelope, process_memory
from vault.ciphers import SubjectKey, shared
from vault.envelope import Place
from vault.envelope_errors import TamperedError, VaultError
from vault.keys import create_file_keys
from vault.opaque import Deriver, Opaque
from vault.passphrases import Passphrase
from vault.xaes import XAES

ROOT = Path(__file__).parents[3]
CANARY = b"canary-key-that-must-never-leave"
PLACE = Place(record=b"r" * 16, group="identity")


def child(code):
    return subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )


def in_any_form(text):
    """Whether the canary is there: as bytes, text, hexadecimal, or a list of numbers."""
    octets = text if isinstance(text, bytes) else text.encode()
    numbers = ", ".join(map(str, CANARY[:8])).encode()
    return any(form in octets for form in (CANARY, CANARY.hex().encode(), numbers))


@pytest.fixture
def holders(tmp_path):
    create_file_keys(tmp_path / "keys")
    root = tmp_path / "keys" / "root-1.key"
    root.unlink()
    root.write_bytes(CANARY)
    root.chmod(0o400)
    record = SubjectKey(key=CANARY, handle=b"handle-1", version=1)
    return [
        create_file_keys(tmp_path / "keys"),
        record,
        record.group("identity"),
        shared(Deriver(CANARY), "totp"),
        Deriver(CANARY),
        XAES(CANARY),
        Passphrase(CANARY.decode()),
    ]


def test_threat_47_what_holds_a_key_shows_and_gives_nothing_of_it(holders):
    for each in holders:
        assert isinstance(each, Opaque)
        assert not in_any_form(f"{each!r} {each!s} {each}")
        assert not hasattr(each, "__dict__")
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError, match="holds a key"):
                pickle.dumps(each, protocol)


def test_threat_47_a_traceback_holds_no_key_even_with_its_local_values(holders):
    keys, _, group, *_ = holders
    wrapped = keys.wrap(bytes(32), b"place")
    faults = (
        lambda: keys.unwrap(wrapped, b"another"),
        lambda: envelope.unseal(group, PLACE, bytes(200), row_version=1),
    )
    for fault in faults:
        with pytest.raises(VaultError) as raised:
            fault()
        told = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
        assert not in_any_form("".join(told.format()))
        assert not in_any_form(repr(raised.value.args))


def test_threat_47_a_log_line_of_a_fault_holds_no_key(holders, monkeypatch):
    written = io.StringIO()
    before = structlog.get_config()
    observing.configure_logging("debug")
    handler = logging.StreamHandler(written)
    amana = logging.getLogger("amana.canary")
    monkeypatch.setattr(amana, "handlers", [handler])
    monkeypatch.setattr(amana, "propagate", False)
    amana.setLevel("DEBUG")
    try:
        _log_a_fault(structlog.stdlib.get_logger("amana.canary"), CANARY, holders)
    finally:
        structlog.configure(**before)
        logging.getLogger().handlers.clear()
    line = json.loads(written.getvalue().splitlines()[0])
    assert "TamperedError" in line["exception"]
    assert "<FileKeys>" in line["holders"]
    assert not in_any_form(written.getvalue())


def _log_a_fault(logger, key, holders):
    # `key` is a local value of a frame of the traceback: it must not be written.
    try:
        envelope.unpad(key)
    except TamperedError:
        logger.exception("integrity", holders=repr(holders), size=len(key))


def test_threat_47_a_process_that_holds_keys_writes_no_core_and_is_not_read(tmp_path):
    told = child(
        "import ctypes, resource\n"
        "from vault import process_memory\n"
        "process_memory.keep_inside()\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))",
    )
    assert told.stdout.strip() == "(0, 0) 0", told.stderr


def test_threat_47_a_crash_leaves_no_core_file(tmp_path):
    code = (
        f"import os, sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from vault import process_memory\n"
        "process_memory.keep_inside()\n"
        f"canary = bytes({list(CANARY)})\n"
        "os.abort()"
    )
    process = os.posix_spawn(
        sys.executable,
        [sys.executable, "-c", f"import os\nos.chdir({str(tmp_path)!r})\n{code}"],
        {},
    )
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status)
    assert not os.WCOREDUMP(status)
    assert not any(in_any_form(path.read_bytes()) for path in tmp_path.iterdir())


@pytest.mark.parametrize("start", ["command", "worker"])
def test_threat_47_commands_and_workers_begin_with_it(start):
    called = (
        "from click.testing import CliRunner\nfrom api.cli import main\n"
        "CliRunner().invoke(main, ['catalogue', 'check'])\n"
        if start != "worker"
        else "from api import serving\nserving.public()\n"
    )
    told = child(f"import resource\n{called}print(resource.getrlimit(resource.RLIMIT_CORE))")
    assert told.stdout.strip().endswith("(0, 0)"), told.stderr


def test_where_the_system_refuses_no_keys_are_held(monkeypatch):
    class Refusing:
        @staticmethod
        def prctl(*_arguments):
            ctypes.set_errno(1)
            return -1

    monkeypatch.setattr(process_memory.ctypes, "CDLL", lambda *_, **__: Refusing())
    with pytest.raises(PermissionError):
        process_memory.keep_inside()


def test_a_system_without_prctl_still_writes_no_core(monkeypatch):
    monkeypatch.setattr(process_memory.ctypes, "CDLL", lambda *_, **__: object())
    process_memory.keep_inside()
    assert process_memory.resource.getrlimit(process_memory.resource.RLIMIT_CORE) == (0, 0)
