import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vault import jwk, log_note
from vault.log_note import Head

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = jwk.raw(KEY.public_key())
HEAD = Head("amana.log/0102", 42, bytes(32))
KEYS = {log_note.key_hash(HEAD.origin, PUBLIC): PUBLIC}


def test_the_text_is_that_of_a_c2sp_checkpoint():
    note = log_note.sign(HEAD, PUBLIC, KEY.sign)
    text, _, signature = note.partition("\n\n")
    assert text == f"amana.log/0102\n42\n{base64.b64encode(bytes(32)).decode()}"
    dash, name, encoded = signature.removesuffix("\n").split(" ")
    blob = base64.b64decode(encoded)
    assert (dash, name, len(blob)) == ("—", "amana.log/0102", 4 + 64)
    KEY.public_key().verify(blob[4:], f"{text}\n".encode())


# The example of C2SP signed-note: PeterNeumann's key and note.
def test_the_note_of_the_specification_is_verified():
    key_line = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    name, key_hash, encoded = key_line.split("+", 2)
    public = base64.b64decode(encoded)[1:]
    assert log_note.key_hash(name, public).hex() == key_hash
    assert log_note.verifier_key(name, public) == key_line


def test_what_was_signed_is_read_back():
    assert log_note.read(log_note.sign(HEAD, PUBLIC, KEY.sign), KEYS) == HEAD


def test_cosignatures_of_others_do_no_harm():
    note = log_note.sign(HEAD, PUBLIC, KEY.sign)
    text, _, ours = note.partition("\n\n")
    theirs = f"— witness {base64.b64encode(bytes(76)).decode()}\n"
    assert log_note.read(f"{text}\n\n{theirs}{ours}", KEYS) == HEAD
    assert log_note.read(f"{text}\n\n{theirs}", KEYS) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n42\n", "\n43\n"),
        ("\n42\n", "\n042\n"),
        ("\n42\n", "\nmany\n"),
        ("\n42\n", "\n42\nmore\n"),
        ("0102\n42", "0103\n42"),
        ("— amana", "- amana"),
        ("— amana", "—  amana"),
        ("— amana.log/0102", "— amana.log/0103"),
        ("\n\n", "\n"),
        ("AAAA=\n\n", "AAAA\n\n"),
        ("AAAA=\n\n", "AAA*=\n\n"),
    ],
)
def test_a_note_that_was_touched_is_not_read(old, new):
    note = log_note.sign(HEAD, PUBLIC, KEY.sign)
    assert old in note
    assert log_note.read(note.replace(old, new, 1), KEYS) is None


def test_threat_33_a_note_of_another_key_is_not_read():
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    note = log_note.sign(HEAD, jwk.raw(other.public_key()), other.sign)
    assert log_note.read(note, KEYS) is None
    # Under our key's name, signed by the other:
    assert log_note.read(log_note.sign(HEAD, PUBLIC, other.sign), KEYS) is None
