import base64

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vault import jwk, log_note
from vault.log_note import Head, Verifier

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


WITNESS = Verifier("witness.example/w1", PUBLIC, log_note.COSIGNATURE)


# A witness key of the public network, as its operator publishes it.
def test_a_published_witness_key_is_read():
    vkey = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
    found = log_note.read_verifier(vkey, log_note.COSIGNATURE)
    assert (found.name, found.key_hash.hex()) == ("remora.n621.de", "da77ade7")
    assert found.vkey() == vkey


@pytest.mark.parametrize(
    "vkey",
    [
        "PeterNeumann+c74f20a3",
        "PeterNeumann+c74f20a3+****",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        Verifier("Peter Neumann", PUBLIC).vkey(),
        Verifier("short", PUBLIC[:31]).vkey(),
        WITNESS.vkey(),
    ],
)
def test_what_is_no_key_of_a_log_is_refused(vkey):
    with pytest.raises(ValueError, match=r"\w"):
        log_note.read_verifier(vkey)


def test_a_cosignature_says_when_and_what():
    cosignature = log_note.cosign(HEAD.text(), WITNESS, 1679315147, KEY.sign)
    message = f"cosignature/v1\ntime 1679315147\n{HEAD.text()}".encode()
    assert cosignature.octets[:8] == (1679315147).to_bytes(8, "big")
    KEY.public_key().verify(cosignature.octets[8:], message)
    line = cosignature.line()
    assert log_note.read_signature(line.removesuffix("\n")) == cosignature
    assert log_note.cosigned_at(HEAD.text(), cosignature, WITNESS) == 1679315147


def test_a_cosignature_of_another_text_time_or_key_counts_for_nothing():
    cosignature = log_note.cosign(HEAD.text(), WITNESS, 1679315147, KEY.sign)
    later = (1679315148).to_bytes(8, "big") + cosignature.octets[8:]
    never = (2**63).to_bytes(8, "big") + cosignature.octets[8:]
    other = Verifier("witness.example/w2", PUBLIC, log_note.COSIGNATURE)
    text = HEAD.text()
    for octets in (later, never, cosignature.octets[:-1], b""):
        touched = msgspec.structs.replace(cosignature, octets=octets)
        assert log_note.cosigned_at(text, touched, WITNESS) is None
    assert log_note.cosigned_at(text.replace("42", "43"), cosignature, WITNESS) is None
    assert log_note.cosigned_at(text, cosignature, other) is None


def test_a_note_with_a_known_name_over_a_wrong_signature_is_not_signed():
    note = log_note.take_apart(log_note.sign(HEAD, PUBLIC, KEY.sign))
    wrong = msgspec.structs.replace(note.signatures[0], octets=bytes(64))
    both = msgspec.structs.replace(note, signatures=(*note.signatures, wrong))
    verifier = Verifier(HEAD.origin, PUBLIC)
    assert log_note.signed(note, [verifier])
    assert not log_note.signed(both, [verifier])
    assert not log_note.signed(note, [])


@pytest.mark.parametrize("text", ["", "a\n", "\n42\nAAAA\n", "a\n-1\nAAAA\n", "a\n1\nAAAA\n"])
def test_a_text_without_origin_size_and_root_has_no_head(text):
    assert log_note.read_head(text) is None


def test_an_empty_log_has_a_head_too():
    empty = Head("a", 0, bytes(32))
    assert log_note.read_head(empty.text()) == empty


def test_a_head_may_have_lines_after_it():
    assert log_note.read_head(HEAD.text() + "more\n") == HEAD


def test_a_note_has_a_bounded_number_of_signatures_and_no_control_characters():
    note = log_note.sign(HEAD, PUBLIC, KEY.sign)
    text, _, line = note.partition("\n\n")
    assert log_note.take_apart(f"{text}\n\n{line * log_note.SIGNATURES}")
    assert log_note.take_apart(f"{text}\n\n{line * (log_note.SIGNATURES + 1)}") is None
    assert log_note.take_apart(note.replace("amana.log", "amana\tlog")) is None
    assert log_note.take_apart(note.removesuffix("\n")) is None
    assert log_note.take_apart(note.replace("0102\n42", "0102\r\n42")) is None


def test_a_note_of_several_paragraphs_ends_at_the_last_empty_line():
    text = "amana.log/0102\n\nand more\n"
    note = log_note.take_apart(log_note.sign_text(text, [HEAD.origin], PUBLIC, KEY.sign))
    assert note.text == text


@pytest.mark.parametrize("junk", ["*", "\u00e9", "-_", "=A"])
def test_base_64_with_anything_else_in_it_is_none(junk):
    line = log_note.sign(HEAD, PUBLIC, KEY.sign).rpartition("\n\n")[2].removesuffix("\n")
    assert log_note.read_signature(line)
    assert log_note.read_signature(line[:-8] + junk + line[-8:]) is None
    root = base64.b64encode(bytes(32)).decode()
    assert log_note.read_head(f"a\n1\n{root}\n") == Head("a", 1, bytes(32))
    assert log_note.read_head(f"a\n1\n{root[:8]}{junk}{root[8:]}\n") is None
    vkey = Verifier("a", PUBLIC).vkey()
    with pytest.raises(ValueError, match=r"\w"):
        log_note.read_verifier(vkey[:-8] + junk + vkey[-8:])


@pytest.mark.parametrize(
    "line", ["— a AAAAAA==", "— a AAAA", "— a+b AAAAAAA=", "- a AAAAAAA=", "—  AAAAAAA=", "— a"]
)
def test_a_signature_has_a_plain_name_and_more_than_a_key_hash(line):
    assert log_note.read_signature("— a AAAAAAA=").octets == b"\0"
    assert log_note.read_signature(line) is None


def test_the_largest_size_and_time_are_read_and_none_beyond():
    root = base64.b64encode(bytes(32)).decode()
    assert log_note.read_head(f"a\n{2**63 - 1}\n{root}\n").size == 2**63 - 1
    assert log_note.read_head(f"a\n{2**63}\n{root}\n") is None
    latest = log_note.cosign(HEAD.text(), WITNESS, 2**63 - 1, KEY.sign)
    assert log_note.cosigned_at(HEAD.text(), latest, WITNESS) == 2**63 - 1
