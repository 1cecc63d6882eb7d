import json
from pathlib import Path

import msgspec
import pytest

from vault import envelope
from vault.box import Box
from vault.ciphers import SealingKey, SubjectKey, shared
from vault.envelope import Place
from vault.envelope_errors import KeyLostError, TamperedError
from vault.opaque import Deriver

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors" / "envelope_v1.json").read_text(encoding="utf-8")
)["vectors"]
KEY = SubjectKey(key=bytes(range(32)), handle=b"handle-1", version=1)
PLACE = Place(record=b"r" * 16, group="identity")


def key_of(vector):
    if "domain_key" in vector:
        deriver = Deriver(bytes.fromhex(vector["domain_key"]))
        return shared(deriver, vector["purpose"], version=vector["key_version"])
    return SubjectKey(
        key=bytes.fromhex(vector["subject_key"]),
        handle=bytes.fromhex(vector["handle"]),
        version=vector["key_version"],
    ).group(vector["place"]["group"])


def place_of(vector):
    place = vector["place"]
    return Place(**{**place, "record": bytes.fromhex(place["record"])})


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_known_blobs_open(vector):
    blob = bytes.fromhex(vector["blob"])
    opened = envelope.unseal(
        key_of(vector), place_of(vector), blob, row_version=vector["row_version"]
    )
    assert opened.hex() == vector["plaintext"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_known_plaintexts_seal_to_the_known_bytes(vector):
    nonce = bytes.fromhex(vector["nonce"])
    sealed = envelope.seal(
        key_of(vector),
        place_of(vector),
        bytes.fromhex(vector["plaintext"]),
        row_version=vector["row_version"],
        source=lambda count: nonce[:count],
    )
    assert sealed.hex() == vector["blob"]


def sealed(**changes):
    return envelope.seal(
        KEY.group("identity"), msgspec.structs.replace(PLACE, **changes), b"text", row_version=3
    )


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"record": b"s" * 16}, id="threat_01_another_subject"),
        pytest.param({"group": "contact"}, id="threat_02_another_group"),
        pytest.param({"tenant": "another"}, id="threat_03_another_tenant"),
        pytest.param({"domain": "another"}, id="threat_03_another_domain"),
        pytest.param({"schema": 2}, id="another_schema"),
        pytest.param({"purpose_class": "research"}, id="another_purpose_class"),
    ],
)
def test_a_blob_opens_in_no_place_but_its_own(change):
    with pytest.raises(TamperedError):
        envelope.unseal(KEY.group("identity"), PLACE, sealed(**change), row_version=3)


def test_threat_04_a_blob_opens_at_no_row_version_but_its_own():
    with pytest.raises(TamperedError):
        envelope.unseal(KEY.group("identity"), PLACE, sealed(), row_version=4)


@pytest.mark.parametrize(("position", "value"), [(0, 0), (0, 2), (1, 2), (1, 3), (13, 2)])
def test_threat_08_no_other_format_suite_or_version_is_tried(position, value):
    blob = bytearray(sealed())
    blob[position] = value
    with pytest.raises(TamperedError):
        envelope.unseal(KEY.group("identity"), PLACE, bytes(blob), row_version=3)


def test_threat_09_a_blob_made_for_two_keys_opens_under_the_one_it_commits_to(monkeypatch):
    # AES-GCM alone does not commit: here the ciphertext is valid, the commitment another's.
    ours, theirs = KEY.group("identity"), KEY.group("contact")
    mixed = SealingKey(
        suite=ours.suite, handle=ours.handle, version=ours.version,
        cipher=ours.cipher, commitment=theirs.commitment,
    )  # fmt: skip
    blob = envelope.seal(mixed, PLACE, b"text", row_version=3)
    assert envelope.unseal(mixed, PLACE, blob, row_version=3) == b"text"
    with pytest.raises(TamperedError):
        envelope.unseal(ours, PLACE, blob, row_version=3)


@pytest.mark.parametrize("length", range(200))
def test_threat_24_lengths_take_few_values(length):
    blob = envelope.seal(KEY.group("identity"), PLACE, bytes(length), row_version=3)
    assert len(blob) - 82 == (length // 64 + 1) * 64
    assert envelope.unseal(KEY.group("identity"), PLACE, blob, row_version=3) == bytes(length)


@pytest.mark.parametrize("padded", [b"", b"\x80", bytes(64), b"x" * 64, b"x" * 63 + b"\x81"])
def test_what_is_not_our_padding_is_refused(padded):
    with pytest.raises(TamperedError):
        envelope.unpad(padded)


def test_a_box_opens_in_its_place_and_for_its_purpose_alone():
    deriver = Deriver(bytes(32))
    box, other = (
        Box({1: shared(deriver, purpose)}, 1, purpose) for purpose in ("totp", "webauthn")
    )
    kept = box.seal(b"secret", b"row 1")
    assert box.open(kept, b"row 1") == b"secret"
    for opener, place in ((box, b"row 2"), (other, b"row 1")):
        with pytest.raises(TamperedError):
            opener.open(kept, place)
    with pytest.raises(KeyLostError):
        Box({2: shared(deriver, "totp", version=2)}, 2, "totp").open(kept, b"row 1")
    assert repr(box) == "<Box>"
