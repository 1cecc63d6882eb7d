from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from policies.vocabulary import Action, ActorKind, LegalBasis, Outcome
from vault import log_leaf
from vault.ciphers import SubjectKey
from vault.envelope_errors import TamperedError
from vault.log_leaf import Leaf, Sealed

NOON = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)
PERSON = SubjectKey(key=bytes(range(32)), handle=b"handle-1", version=1)
KEY = PERSON.group("log")
ENTRY = log_leaf.first_id(NOON, bytes(range(10)))
LEAF = Leaf(
    format=2,
    id=ENTRY.bytes,
    at=log_leaf.microseconds(NOON),
    actor_kind=ActorKind.PROGRAMME,
    actor="asd",
    action=Action.VERIFY,
    outcome=Outcome.REFUSED,
    purpose="social/aid",
    basis=LegalBasis.PUBLIC_TASK,
    agreement="asd/eligibility",
    attributes=(("given_name", "match"),),
    reasons=("person-locked",),
    detail=None,
    catalogue="c0ffee",
    handle=KEY.handle,
    sealed=b"",
    link=bytes(32),
)
OLD = bytes.fromhex(
    "dc001001c41001a20d6d5a7b70048203040506070809cf0006610473297240a970726f6772616d6d"
    "65a3617364a6766572696679a772656675736564aa736f6369616c2f616964ab7075626c69632d74"
    "61736baf6173642f656c69676962696c6974799192aa676976656e5f6e616d65a56d6174636891ad"
    "706572736f6e2d6c6f636b6564c0a6633066666565c40868616e646c652d31c400"
)
"""A leaf of format 1: its bytes are in logs that stand."""


def with_sealed(content, entry=ENTRY):
    return msgspec.structs.replace(LEAF, sealed=log_leaf.seal(KEY, entry.bytes, content))


def test_the_bytes_of_a_leaf_stay_as_they_are():
    # A golden value: a change here orphans every log that was ever written.
    assert log_leaf.encode(LEAF).hex() == (
        "dc001102c41001a20d6d5a7b70048203040506070809cf0006610473297240a970726f6772616d6d"
        "65a3617364a6766572696679a772656675736564aa736f6369616c2f616964ab7075626c69632d74"
        "61736baf6173642f656c69676962696c6974799192aa676976656e5f6e616d65a56d6174636891ad"
        "706572736f6e2d6c6f636b6564c0a6633066666565c40868616e646c652d31c400c420" + "00" * 32
    )


def test_ids_and_instants_are_written_as_they_always_were():
    assert str(log_leaf.first_id(NOON, bytes(range(10)))) == "01a20d6d-5a7b-7004-8203-040506070809"
    assert str(log_leaf.first_id(NOON, b"\xff" * 10)) == "01a20d6d-5a7b-7fff-bfff-ffffffffffff"
    assert log_leaf.microseconds(NOON) == 1_795_521_600_123_456


def test_the_bytes_of_a_link_stay_as_they_are():
    content = Sealed(bytes(16), "D-1", 7, b"\1" * 32, b"\2" * 48)
    assert log_leaf.link(bytes(range(16)), content).hex() == (
        "3c53e39c3a36384af0b5297f8b248092a1830a91d6c0c3f8d59cc46670dfacb5"
    )
    head = SubjectKey(key=bytes(range(32)), handle=b"handle-1", version=1).head
    assert log_leaf.salt(head, bytes(16)).hex() == "09bd65ce1fce3982255f1047182d927a"


def test_the_bytes_of_a_link_of_little_stay_as_they_are():
    content = Sealed(bytes(16), None, 1, bytes(32), b"")
    assert log_leaf.written(content) == b""
    assert log_leaf.link(bytes(range(16)), content).hex() == (
        "372daf654694411d5466990023023c07b8c827d50d0bd4e0bcfc9465646814e1"
    )


def test_what_was_sealed_before_still_opens():
    # A golden value: the nonce and what it sealed, by the key and the entry of this file.
    sealed = bytes.fromhex(
        "95aa388815b64f0f50438b1b3385aae511770aaebd8b022af8992a577aafc2f15177c57e19169087"
        "44f9e15ff89500f107eb8ddea2030ef4f4e41c13f82804a73f0a309c4b9fa33e94d8299cf7d62046"
        "774fe2f005b5a6f4297d197910c8b626a5a775967ac38c5c14fd186e795c2979417caf627cc333c2"
        "4052bdc15ed50353431ed595dd4b8795d36436e8cf26c5b8a6165ce3eabaeda656e85b47"
    )
    content = Sealed(UUID(int=7).bytes, "DOSSIER-1", 3, b"\1" * 32, b"")
    assert log_leaf.unseal(KEY, msgspec.structs.replace(LEAF, sealed=sealed)) == content


@pytest.mark.parametrize(
    "changed",
    [
        {"case_reference": None},
        {"case_reference": ""},
        {"number": 8},
        {"previous": bytes(32)},
        {"head": b""},
    ],
)
def test_a_link_is_of_one_content_and_one_salt_alone(changed):
    content = Sealed(bytes(16), "D-1", 7, b"\1" * 32, b"\2" * 48)
    other = msgspec.structs.replace(content, **changed)
    assert log_leaf.link(bytes(16), content) != log_leaf.link(bytes(16), other)
    assert log_leaf.link(bytes(16), content) != log_leaf.link(b"\1" * 16, content)


def test_what_is_sealed_must_be_what_the_leaf_commits_to():
    content = Sealed(UUID(int=7).bytes, "D-1", 1)
    link = log_leaf.link(log_leaf.salt(PERSON.head, LEAF.id), content)
    leaf = msgspec.structs.replace(with_sealed(content), link=link)
    assert log_leaf.opened(PERSON, leaf) == content
    for wrong in (b"", bytes(32)):
        with pytest.raises(TamperedError):
            log_leaf.opened(PERSON, msgspec.structs.replace(leaf, link=wrong))


def test_a_leaf_of_the_first_format_is_still_read():
    old = msgspec.structs.replace(LEAF, format=1, link=b"")
    assert log_leaf.decode(OLD) == old
    content = Sealed(UUID(int=7).bytes, "D-1")
    sealed = msgspec.structs.replace(old, sealed=log_leaf.seal(KEY, old.id, content))
    assert log_leaf.opened(PERSON, sealed) == content


def test_a_leaf_is_read_back():
    assert log_leaf.decode(log_leaf.encode(LEAF)) == LEAF
    assert log_leaf.instant(LEAF) == NOON
    assert log_leaf.month(NOON) == "2026-11"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\xc0",
        log_leaf.encode(LEAF)[:-1],
        log_leaf.encode(LEAF) + b"\0",
        log_leaf.encode(msgspec.structs.replace(LEAF, format=1)),
        log_leaf.encode(msgspec.structs.replace(LEAF, format=3)),
        log_leaf.encode(msgspec.structs.replace(LEAF, link=bytes(31))),
        log_leaf.encode(LEAF).replace(b"verify", b"verifx"),
    ],
)
def test_what_is_not_a_leaf_is_refused(octets):
    with pytest.raises(TamperedError):
        log_leaf.decode(octets)
    assert log_leaf.handle(octets) == b""


def test_whom_an_entry_is_about_opens_under_the_persons_key():
    content = Sealed(UUID(int=7).bytes, "DOSSIER-1")
    assert log_leaf.unseal(KEY, with_sealed(content)) == content
    assert log_leaf.handle(log_leaf.encode(LEAF)) == KEY.handle


def test_it_opens_in_no_other_entry_and_under_no_other_key():
    content = Sealed(UUID(int=7).bytes, None)
    moved = with_sealed(content, entry=UUID(int=9))
    other = SubjectKey(key=bytes(32), handle=b"handle-2", version=1).group("log")
    for key, leaf in ((KEY, moved), (other, with_sealed(content))):
        with pytest.raises(TamperedError):
            log_leaf.unseal(key, leaf)


@pytest.mark.parametrize("sealed", [b"", b"short", bytes(40)])
def test_what_was_cut_or_made_up_does_not_open(sealed):
    with pytest.raises(TamperedError):
        log_leaf.unseal(KEY, msgspec.structs.replace(LEAF, sealed=sealed))


def test_threat_48_sealed_bytes_of_another_shape_are_refused():
    nonce = bytes(12)
    bound = log_leaf._bound(KEY, ENTRY.bytes)
    for plain in (b"", b"\x80".ljust(64, b"\0"), b"\xc7\x01\x05\x00\x80".ljust(64, b"\0")):
        odd = msgspec.structs.replace(LEAF, sealed=nonce + KEY.cipher.encrypt(nonce, plain, bound))
        with pytest.raises(TamperedError):
            log_leaf.unseal(KEY, odd)


@pytest.mark.parametrize("case", [None, "1", "D" * 30])
def test_threat_24_the_length_of_a_case_number_does_not_show(case):
    for number, previous in ((1, b""), (70_000, bytes(32))):
        content = Sealed(bytes(16), case, number, previous)
        assert len(with_sealed(content).sealed) == 12 + 128 + 16
        written = Sealed(bytes(16), case, number, previous, bytes(48))
        assert len(with_sealed(written).sealed) == 12 + 192 + 16


def test_entry_ids_are_of_version_7_and_sort_by_time():
    later = datetime(2026, 11, 24, 12, 0, 0, 124000, tzinfo=UTC)
    assert ENTRY.version == 7
    assert ENTRY.variant == "specified in RFC 4122"
    assert log_leaf.first_id(NOON) < ENTRY < log_leaf.first_id(later)
    assert log_leaf.first_id(NOON, b"\xff" * 10) < log_leaf.first_id(later)
