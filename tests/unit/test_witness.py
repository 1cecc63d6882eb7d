import asyncio
import base64

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from litestar.testing import TestClient

from api.cli import main
from api.witness import app as witness_app
from api.witness import configuration, judging, memory
from api.witness.memory import WitnessSetupError
from vault import log_note, log_tree, merkle
from vault.log_note import Head, Verifier

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
ORIGIN = "amana.log/0102"
LOG = Verifier(ORIGIN, KEY.public_key().public_bytes_raw())
NOW = 1679315147

# The example request of c2sp.org/tlog-witness.
EXAMPLE = """old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
"""  # noqa: E501  (lines of the specification)


def tree(*leaves):
    tiles = log_tree.Tiles(0, {})
    for leaf in leaves:
        tiles.append(merkle.leaf_hash(leaf))
    return tiles


LEAVES = [bytes([number]) for number in range(20)]
FORK = [*LEAVES[:3], b"another", *LEAVES[4:]]


def note(leaves, key=KEY, origin=ORIGIN):
    tiles = tree(*leaves)
    head = Head(origin, tiles.size, tiles.root())
    return log_note.sign(head, key.public_key().public_bytes_raw(), key.sign)


def body(old, leaves, *, proof=None, text=None):
    if proof is None:
        tiles = tree(*leaves)
        proof = merkle.consistency(old, tiles.size, tiles.node) if old else []
    lines = [f"old {old}", *(base64.b64encode(each).decode() for each in proof)]
    return "\n".join(lines) + "\n\n" + (text or note(leaves))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "witness"


@pytest.fixture
def witness(folder):
    identity = memory.make(folder, "witness.example/w1")
    return witness_app.Witness(
        folder=folder, identity=identity, logs={ORIGIN: (LOG,)}, clock=lambda: NOW
    )


@pytest.fixture
def submit(witness):
    with TestClient(witness_app.app(witness)) as client:
        yield lambda content: client.post("/add-checkpoint", content=content.encode())


def test_the_request_of_the_specification_is_read():
    found = judging.read(EXAMPLE.encode())
    assert (found.old, found.head.size, len(found.proof)) == (20852014, 20852163, 4)
    assert [each.key_hash.hex() for each in found.note.signatures] == ["033de0ae", "a292ea05"]


def test_growth_is_cosigned_and_remembered_before_the_answer(submit, witness, folder):
    for old, size in ((0, 3), (3, 3), (3, 8), (8, 20)):
        answer = submit(body(old, LEAVES[:size]))
        assert (answer.status_code, old, size) == (200, old, size)
        cosignature = log_note.read_signature(answer.text.removesuffix("\n"))
        text = log_note.take_apart(note(LEAVES[:size])).text
        assert log_note.cosigned_at(text, cosignature, witness.identity.verifier) == NOW
        assert memory.latest(folder, ORIGIN).size == size


def test_who_does_not_know_the_latest_size_is_told_it(submit):
    assert submit(body(0, LEAVES[:8])).status_code == 200
    for old in (0, 3):
        answer = submit(body(old, LEAVES[:9]))
        assert (answer.status_code, answer.text) == (409, "8\n")
        assert answer.headers["content-type"].partition(";")[0] == "text/x.tlog.size"


def test_threat_29_a_log_that_was_cut_short_is_not_cosigned(submit, folder):
    submit(body(0, LEAVES[:8]))
    assert submit(body(5, LEAVES[:5])).status_code == 409
    assert submit(body(8, LEAVES[:5], proof=[])).status_code == 400
    assert memory.latest(folder, ORIGIN).size == 8


def test_threat_30_a_fork_is_not_cosigned(submit, folder):
    submit(body(0, LEAVES[:8]))
    kept = memory.latest(folder, ORIGIN)
    assert submit(body(8, FORK[:12])).status_code == 422
    assert submit(body(8, LEAVES[:12], proof=[])).status_code == 422
    assert submit(body(8, FORK[:8])).status_code == 409
    assert memory.latest(folder, ORIGIN) == kept
    assert submit(body(8, LEAVES[:12])).status_code == 200


def test_threat_33_a_note_of_a_key_that_is_not_the_logs_is_refused(submit, folder):
    assert submit(body(0, LEAVES[:3], text=note(LEAVES[:3], OTHER))).status_code == 403
    assert submit(body(0, LEAVES[:3], text=note(LEAVES[:3], origin="other"))).status_code == 404
    assert memory.latest(folder, ORIGIN) is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "old 0\n",
        body(0, LEAVES[:3]).replace("old 0", "old 00"),
        body(0, LEAVES[:3]).replace("old 0", "old -1"),
        body(0, LEAVES[:3]).replace("old 0\n", "old 0\nAAAA\n"),
        body(0, LEAVES[:3]).replace("old 0\n", "old 0\n*\n"),
        body(0, LEAVES[:3]).removesuffix("\n"),
        body(0, LEAVES[:3], proof=[bytes(32)] * 64),
        body(0, LEAVES[:3]).replace("\n3\n", "\n03\n"),
    ],
)
def test_what_is_not_well_formed_is_a_400(submit, content):
    assert submit(content).status_code == 400


def test_a_proof_from_nothing_is_empty_and_an_empty_tree_has_its_root(submit):
    assert submit(body(0, LEAVES[:3], proof=[bytes(32)])).status_code == 422
    wrong = log_note.sign(Head(ORIGIN, 0, bytes(32)), LOG.public, KEY.sign)
    assert submit(body(0, [], text=wrong)).status_code == 422
    assert submit(body(0, [])).status_code == 200
    assert submit(body(0, LEAVES[:3])).status_code == 200


def test_a_request_that_is_too_large_is_not_read(submit):
    assert submit("old 0\n" * witness_app.BODY_LIMIT_BYTES).status_code == 413


async def test_of_two_forks_sent_together_one_is_cosigned(witness):
    await witness.answer(body(0, LEAVES[:4]).encode())
    both = (body(4, LEAVES[:9]).encode(), body(4, [*LEAVES[:4], b"x"]).encode())
    answers = await asyncio.gather(*map(witness.answer, both))
    assert sorted(isinstance(answer, str) for answer in answers) == [False, True]


def test_a_memory_that_is_not_whole_is_not_taken_for_an_empty_one(folder, witness):
    memory.keep(folder, Head(ORIGIN, 3, bytes(32)))
    [place] = folder.glob("*.json")
    for octets in (b"", place.read_bytes().replace(b"0102", b"0103")):
        place.write_bytes(octets)
        with pytest.raises(WitnessSetupError):
            memory.latest(folder, ORIGIN)


def test_a_folder_has_one_witness_and_no_other_reader(folder, witness):
    with memory.alone(folder), pytest.raises(WitnessSetupError), memory.alone(folder):
        pass
    with pytest.raises(WitnessSetupError):
        memory.make(folder, "again")
    folder.chmod(0o755)
    with pytest.raises(WitnessSetupError):
        memory.identity(folder)


@pytest.mark.parametrize(
    "text",
    [
        "log = 3",
        "[log.a]\nkeys = []",
        '[log.a]\nkeys = ["nothing"]',
        f'[log.a]\nkeys = ["{LOG.vkey()}"]',
        "[log",
    ],
)
def test_a_list_of_logs_that_is_not_whole_is_refused(tmp_path, text):
    (tmp_path / "logs.toml").write_text(text)
    with pytest.raises(WitnessSetupError):
        configuration.load(tmp_path / "logs.toml")


def test_a_list_of_logs_gives_their_keys(tmp_path):
    (tmp_path / "logs.toml").write_text(f'[log."{ORIGIN}"]\nkeys = ["{LOG.vkey()}"]\n')
    assert configuration.load(tmp_path / "logs.toml") == {ORIGIN: (LOG,)}


def test_the_command_line_makes_a_key_and_prints_it_again(folder):
    made = CliRunner().invoke(main, ["witness", "init", "--folder", folder, "--name", "w.example"])
    again = CliRunner().invoke(main, ["witness", "key", "--folder", folder])
    assert made.stdout == again.stdout
    found = log_note.read_verifier(made.stdout.strip(), log_note.COSIGNATURE)
    assert found.name == "w.example"
    assert (folder / memory.KEY).stat().st_mode & 0o777 == 0o600
    second = CliRunner().invoke(main, ["witness", "init", "--folder", folder, "--name", "w"])
    assert second.exit_code == 1
    wrong = CliRunner().invoke(main, ["witness", "init", "--folder", folder, "--name", "a b"])
    assert wrong.exit_code == 2
