"""Does a deed in a process of its own that dies by SIGKILL at the step it is told to.

A server: one order per line (JSON), one answer per line. It has everything imported and no
thread, so that a process costs a fork. Steps are what another process or the next start could
see: each statement, both sides of each COMMIT, each change of a file and its half, each word
that leaves. Nothing of this is in the code that dies.
"""

import asyncio
import io
import json
import os
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import deeds
from sqlalchemy import event

from vault import database as db
from vault.keyring import open_keyring
from vault.keys import FileKeys
from vault.passphrases import Passphrase

FILES = {"open", "os.rename", "os.link", "os.remove", "os.chmod", "os.mkdir"}
_write, _fsync, _fdopen, _open = os.write, os.fsync, os.fdopen, io.open


class Steps:
    """Counts the steps from `begin` on, notes each, and dies at one."""

    def __init__(self, path, die_at):
        self._notes = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self._left = die_at
        self._counting = False

    def begin(self):
        self._counting = True

    def end(self):
        self._counting = False

    def __call__(self, name):
        if not self._counting:
            return
        _write(self._notes, f"{name}\n".encode())
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)  # until it arrives


class Halved:
    """A file whose every write is two, with a step between."""

    def __init__(self, file, step):
        self._file, self._step = file, step

    def write(self, octets):
        half = len(octets) // 2
        self._file.write(octets[:half])
        self._file.flush()
        self._step("half a write")
        self._file.write(octets[half:])
        return len(octets)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def __getattr__(self, name):
        return getattr(self._file, name)


def watch_files(step, folder):
    def audited(name, arguments):
        if name in FILES and str(folder) in str(arguments[0]):
            writes = name != "open" or (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if writes:
                step(f"before {name} of {Path(str(arguments[0])).name}")

    def write(descriptor, octets):
        done = _write(descriptor, octets[: len(octets) // 2])
        step("half a write")
        return done + _write(descriptor, octets[done:])

    def fsync(descriptor):
        step("before fsync")
        _fsync(descriptor)

    def fdopen(descriptor, mode="r", *rest, **named):
        return halved(_fdopen(descriptor, mode, *rest, **named), mode)

    def opened(file, mode="r", *rest, **named):
        return halved(_open(file, mode, *rest, **named), mode)

    def halved(file, mode):
        return Halved(file, step) if set(mode) & set("wax+") else file

    sys.addaudithook(audited)
    os.write, os.fsync, os.fdopen, io.open = write, fsync, fdopen, opened


def watch_store(step, database):
    engine = database.writer.sync_engine

    @event.listens_for(engine, "begin")
    def _begun(_connection):
        step("BEGIN")

    @event.listens_for(engine, "after_cursor_execute")
    def _executed(_connection, _cursor, statement, *_):
        step(f"after {' '.join(statement.split()[:3])}")

    commit = engine.dialect.do_commit

    def commits(connection):
        step("before COMMIT")
        commit(connection)
        step("after COMMIT")

    engine.dialect.do_commit = commits


async def act(order):
    home = Path(order["home"])
    step = Steps(of_process(home, "steps", os.getpid()), order["die_at"])
    words = os.open(of_process(home, "words", os.getpid()), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    database = db.connect(order["url"])
    async with db.begin(database) as tx:
        passphrase = Passphrase(order["passphrase"]) if order["passphrase"] else None
        keyring = await open_keyring(tx, FileKeys(home / "keys", passphrase))

    def say(word):
        step("before an answer")
        _write(words, f"{json.dumps(word)}\n".encode())
        step("after an answer")

    world = SimpleNamespace(
        database=database, keyring=keyring, home=home, say=say, **order["named"]
    )
    watch_files(step, home)
    watch_store(step, database)
    step.begin()
    await getattr(deeds, order["deed"])(world)
    step.end()
    await db.close(database)


def child(order):
    code = 1
    try:
        asyncio.run(act(order))
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


def of_process(home, name, pid):
    return home / f"{name}-{pid}"


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def main():
    running = {}
    for line in sys.stdin:
        order = json.loads(line)
        if order.get("end"):
            pid = int(order["end"])
            if order.get("kill"):
                os.kill(pid, signal.SIGKILL)
            order = running.pop(pid)
        else:
            pid = os.fork() or child(order)
            running[pid] = order
            if order["leave"]:
                sys.stdout.write(f"{json.dumps(pid)}\n")
                sys.stdout.flush()
                continue
            running.pop(pid)
        _, status = os.waitpid(pid, 0)
        home = Path(order["home"])
        answer = {
            "code": os.waitstatus_to_exitcode(status),
            "steps": lines(of_process(home, "steps", pid)),
            "words": [json.loads(word) for word in lines(of_process(home, "words", pid))],
        }
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
