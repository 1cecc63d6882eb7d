"""A service and its witness, each a process of its own: what people see of it, and when it dies."""

import asyncio
import json
import re
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from click.testing import CliRunner

from api import running
from api.cli import main
from api.verifier import amana_verify
from tests.conftest import free_port
from vault import database as db
from vault import log_note, log_tiles, merkle, transparency

NAME = "court.example/w1"
SILENCE_SECONDS = 4
BANNER = "No cosignature for too long"


class Witness:
    """`amana witness`, with a folder and a key of its own."""

    def __init__(self, folder):
        self.folder, self.port, self.process = folder / "witness", free_port(), None
        self.logs, self.url = folder / "logs.toml", f"http://127.0.0.1:{self.port}"
        made = self._amana("init", "--folder", self.folder, "--name", NAME)
        self.vkey = subprocess.run(made, check=True, capture_output=True, text=True).stdout.strip()

    def watch(self, vkey):
        self.logs.write_text(f'[log."{vkey.partition("+")[0]}"]\nkeys = ["{vkey}"]\n')
        self.start()

    def start(self):
        words = ("serve", "--folder", self.folder, "--logs", self.logs, "--port", self.port)
        self.process = subprocess.Popen(self._amana(*words))

    def kill(self):
        self.process.kill()
        self.process.wait(20)

    def _amana(self, *words):
        return [sys.executable, "-m", "api", "witness", *map(str, words)]


async def _vkey(settings):
    async with running.opened(settings) as house, db.read(house.database) as tx:
        return await transparency.verifier_key(tx, house.keyring)


@pytest.fixture(scope="module")
def witness(tmp_path_factory):
    made = Witness(tmp_path_factory.mktemp("outside"))
    yield made
    made.kill()


@pytest.fixture(scope="module")
def witnessed(worlds, witness):
    """A world whose log is cosigned."""

    def before(settings):
        with ThreadPoolExecutor(1) as own:
            witness.watch(own.submit(asyncio.run, _vkey(settings)).result())
        return {
            "witnesses": f"{witness.vkey} {witness.url}",
            "witness_silence_seconds": SILENCE_SECONDS,
        }

    with worlds(before) as made:
        yield made


@pytest.fixture(scope="module")
def dpo(witnessed, browse):
    return browse(witnessed.console).sign_in(witnessed.dpo(), staff=True)


@pytest.fixture(scope="module")
def citizen(witnessed, browse):
    return browse(witnessed.public).sign_in(witnessed.citizen())


@pytest.fixture
def silenced(witness):
    """Kills the witness; it is started again after the test."""
    yield witness.kill
    witness.kill()
    witness.start()


def fetch(address):
    with urllib.request.urlopen(address, timeout=20) as answer:  # noqa: S310  (loopback)
        return answer.headers, answer.read()


def until(look, seconds=30):
    """What a look gives, once it gives something."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.2)
    return found


def cosigned(witnessed, witness):
    """The public checkpoint, once the witness cosigned it."""
    verifier = log_note.read_verifier(witness.vkey, log_note.COSIGNATURE)

    def look():
        note = log_note.take_apart(fetch(f"{witnessed.public}/log/checkpoint")[1].decode())
        signatures = note.signatures
        seen = any(log_note.cosigned_at(note.text, each, verifier) for each in signatures)
        return log_note.read_head(note.text) if seen else None

    return until(look)


def test_the_checkpoint_is_cosigned_and_the_tree_is_there_as_files(witnessed, witness):
    head = cosigned(witnessed, witness)
    log = f"{witnessed.public}/log"
    headers, _ = fetch(f"{log}/checkpoint")
    assert (headers["cache-control"], headers["set-cookie"]) == ("max-age=3, public", None)
    assert head.size < 256
    headers, hashes = fetch(f"{log}/tile/0/000.p/{head.size}")
    assert headers["cache-control"] == "max-age=31536000, public, immutable"
    assert (headers["content-type"], headers["set-cookie"]) == ("application/octet-stream", None)
    leaves = [hashes[at : at + 32] for at in range(0, len(hashes), 32)]

    def node(height, index):
        return merkle.compress(leaves[index << height : (index + 1) << height])

    assert merkle.root(head.size, node) == head.root


def test_a_monitor_outside_follows_the_log_and_names_what_it_forgot(witnessed, witness, tmp_path):
    cosigned(witnessed, witness)
    trust, memory = tmp_path / "trust.json", tmp_path / "memory.json"
    trust.write_bytes(fetch(f"{witnessed.public}/log/trust")[1])

    def monitor(*words):
        watch = ("log", "monitor", witnessed.public, "--trust", trust, "--memory", memory)
        return CliRunner().invoke(main, [*map(str, watch), "--once", *words], env={})

    first = monitor()
    assert first.exit_code == 0, first.output
    assert re.search(rf"\d+ entries, seen for the first time; cosigned by {NAME}", first.output)
    later = monitor("--stale", "60")
    assert later.exit_code == 0, later.output

    kept = json.loads(memory.read_bytes())
    kept["head"]["size"] += 1_000_000
    memory.write_text(json.dumps(kept))
    told = monitor()
    assert (told.exit_code, "rolled-back: " in told.stderr) == (1, True), told.output
    memory.write_text("{")
    assert "is not whole" in monitor().stderr


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/000", "tile/0/x000/000", "tile/9/000.p/1", "tile/64/000", "tile/a/000",
        "tile/entries/000", "tile/0/../checkpoint", "consistency?old=99999999",
        "consistency?old=1&new=99999999",
    ],
)  # fmt: skip
def test_what_is_no_file_of_the_log_is_not_found(witnessed, browse, path):
    assert browse(witnessed.public).get(f"/log/{path}").status == 404


@pytest.mark.parametrize("asked", ["", "?old=0", "?old=-1", "?old=x", f"?old={2**63}"])
def test_a_growth_from_no_size_is_not_understood(witnessed, browse, asked):
    assert browse(witnessed.public).get(f"/log/consistency{asked}").status == 400


def test_growth_is_proved_between_any_two_sizes(witnessed, witness, dpo):
    old = cosigned(witnessed, witness)
    dpo.get("/en/dpo/integrity")
    new = until(lambda: (it := cosigned(witnessed, witness)).size > old.size and it)
    growth = fetch(f"{witnessed.public}/log/consistency?old={old.size}&new={new.size}")[1].decode()
    first, *hashes = growth.partition("\n\n")[0].split("\n")
    assert first == f"old {old.size}"
    trust = amana_verify.read_trust(json.loads(fetch(f"{witnessed.public}/log/trust")[1]))
    read = amana_verify.read_growth(trust, growth)
    assert len(hashes) == len(read.proof)
    assert amana_verify.continues(amana_verify.Head(*_fields(old)), read.head, read.proof)


def _fields(head):
    return head.origin, head.size, head.root


def test_a_downloaded_proof_carries_the_cosignature(witnessed, witness, citizen, tmp_path):
    citizen.get("/en/history")
    entry = first_entry(citizen)

    def look():
        answer = citizen.get(f"/en/history/entry/{entry}/bundle")
        return answer.status == 200 and NAME.encode() in answer.body and answer.body

    (tmp_path / "proof").write_bytes(until(look))
    (tmp_path / "trust.json").write_bytes(fetch(f"{witnessed.public}/log/trust")[1])
    trust = json.loads((tmp_path / "trust.json").read_text())
    assert (trust["witnesses"], trust["quorum"]) == ([witness.vkey], 1)
    ran = subprocess.run(
        [sys.executable, "-I", amana_verify.__file__, tmp_path / "trust.json", tmp_path / "proof"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ran.returncode, f"cosigned by {NAME} 20" in ran.stdout) == (0, True), ran.stdout


def test_only_who_reviews_the_log_reads_its_leaves(witnessed, dpo, browse):
    address = "/en/dpo/integrity/tile/entries"
    found = dpo.get(f"{address}/000.p/2")
    assert (found.status, found.headers["content-type"]) == (200, "application/octet-stream")
    sizes = int.from_bytes(found.body[:2], "big")
    leaf = found.body[2 : 2 + sizes]
    hashes = fetch(f"{witnessed.public}/log/tile/0/000.p/1")[1]
    assert merkle.leaf_hash(leaf) == hashes
    for name in ("999", "nothing", "x000/000"):
        assert log_tiles.read_run(name) is None or dpo.get(f"{address}/{name}").status == 404
        assert dpo.get(f"{address}/{name}").status == 404
    operator = browse(witnessed.console).sign_in(witnessed.operator(), staff=True)
    assert operator.get(f"{address}/000.p/2").status == 403
    stranger = browse(witnessed.console).get(f"{address}/000.p/2")
    assert "/sign-in" in stranger.address


def test_a_witness_that_dies_is_told_of_and_nobody_waits_for_it(
    witnessed, dpo, citizen, browse, silenced
):
    assert until(lambda: "Cosigned" in dpo.get("/en/dpo/integrity").text)
    assert (NAME in dpo.text, BANNER in dpo.text) == (True, False)
    assert until(lambda: figure(witnessed, "amana_log_cosignature_missing") == 0)

    silenced()
    assert until(lambda: BANNER in dpo.get("/en/dpo/integrity").text)
    assert dpo.status == 200
    assert until(lambda: figure(witnessed, "amana_log_cosignature_missing") == 1)
    age = figure(witnessed, f'amana_log_cosignature_age_seconds{{witness="{NAME}"}}')
    assert age > SILENCE_SECONDS

    before = head_of(witnessed)
    other = browse(witnessed.public).sign_in(witnessed.citizen())
    assert other.get("/en/me").status == 200
    assert citizen.get("/en/history").status == 200
    entry = first_entry(citizen)
    assert citizen.get(f"/en/history/entry/{entry}/bundle").status == 200
    dpo.get("/en/dpo/integrity")
    assert until(lambda: head_of(witnessed).size > before.size), "sealed and shown all the same"


def head_of(witnessed):
    note = fetch(f"{witnessed.public}/log/checkpoint")[1].decode()
    return log_note.read_head(log_note.take_apart(note).text)


def first_entry(citizen):
    return re.search(rb"/en/history/entry/([0-9a-f-]{36})", citizen.body)[1].decode()


def figure(witnessed, name):
    lines = fetch(f"{witnessed.public}/metrics")[1].decode().splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[-1])
