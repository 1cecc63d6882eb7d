import pickle

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from vault.ciphers import SubjectKey, shared
from vault.framing import framed
from vault.opaque import Deriver
from vault.xaes import XAES

KEY = bytes(range(32))
NONCE = b"ABCDEFGHIJKLMNOPQRSTUVWX"


# c2sp.org/XAES-256-GCM, test vectors: the subkey's doubling with and without its carry
@pytest.mark.parametrize(
    ("key", "associated", "sealed"),
    [
        (b"\x01" * 32, b"", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
        (
            b"\x03" * 32,
            b"c2sp.org/XAES-256-GCM",
            "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d",
        ),
    ],
)
def test_xaes_gives_its_known_answers(key, associated, sealed):
    xaes = XAES(key)
    assert xaes.encrypt(NONCE, b"XAES-256-GCM", associated).hex() == sealed
    assert xaes.decrypt(NONCE, bytes.fromhex(sealed), associated) == b"XAES-256-GCM"


def test_xaes_refuses_what_was_altered():
    sealed = XAES(KEY).encrypt(NONCE, b"text", b"")
    with pytest.raises(InvalidTag):
        XAES(KEY).decrypt(NONCE, sealed, b"another")


@pytest.mark.parametrize("length", [12, 23, 25])
def test_xaes_takes_nonces_of_192_bits_alone(length):
    with pytest.raises(ValueError, match="24 bytes"):
        XAES(KEY).encrypt(bytes(length), b"", b"")


def test_derivation_is_hkdf_expand_over_framed_parts():
    expected = HKDFExpand(algorithm=SHA256(), length=32, info=framed(b"v1", b"x")).derive(KEY)
    assert Deriver(KEY).derive(b"v1", b"x") == expected


def test_framing_tells_where_parts_end():
    assert framed(b"ab", b"c") == b"\x00\x02ab\x00\x01c"
    assert framed(b"ab", b"c") != framed(b"a", b"bc")


def test_a_part_too_long_to_frame_is_refused():
    with pytest.raises(OverflowError):
        framed(bytes(1 << 16))


def test_each_group_and_version_has_a_key_of_its_own():
    first = SubjectKey(key=KEY, handle=b"h" * 8, version=1)
    second = SubjectKey(key=KEY, handle=b"h" * 8, version=2)
    commitments = {
        first.group("identity").commitment,
        first.group("contact").commitment,
        second.group("identity").commitment,
        shared(Deriver(KEY), "identity").commitment,
        shared(Deriver(KEY), "identity", version=2).commitment,
    }
    assert len(commitments) == 5
    assert first.group("identity") is first.group("identity")


def test_a_commitment_is_not_the_key_it_commits_to():
    key = SubjectKey(key=KEY, handle=b"h" * 8, version=1).group("identity")
    place = framed(b"v1 enc", b"identity", b"\0\0\0\x01")
    assert HKDFExpand(algorithm=SHA256(), length=32, info=place).derive(KEY) != key.commitment


@pytest.mark.parametrize("kind", [SubjectKey, XAES, Deriver])
def test_threat_47_no_key_is_in_a_repr_or_a_pickle(kind):
    held = kind(key=KEY, handle=b"h" * 8, version=1) if kind is SubjectKey else kind(KEY)
    assert repr(held) == f"<{kind.__name__}>"
    with pytest.raises(TypeError):
        pickle.dumps(held)
