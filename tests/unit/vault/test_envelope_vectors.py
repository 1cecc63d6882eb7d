"""The format as another language would write it: vectors that open, vectors that must not.

Nothing of ours computes what is expected in the first part; XAES is rebuilt from its
definition, a counter-mode KDF over CMAC.
"""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from vault import envelope
from vault.ciphers import SubjectKey, shared
from vault.envelope import Place
from vault.envelope_errors import TamperedError
from vault.opaque import Deriver

FILE = Path(__file__).parents[2] / "vectors" / "envelope_v1.json"
KNOWN = json.loads(FILE.read_text(encoding="utf-8"))


def by_name(vector):
    return vector["name"]


def framed(*parts):
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)


def derived(vector, label):
    secret = vector.get("subject_key") or vector["domain_key"]
    name = vector.get("purpose") or vector["place"]["group"]
    info = framed(label, name.encode(), vector["key_version"].to_bytes(4, "big"))
    return HKDFExpand(SHA256(), 32, info).derive(bytes.fromhex(secret))


def xaes(key, nonce):
    def block(number):
        mac = CMAC(AES256(key))
        mac.update(bytes((0, number, 0x58, 0)) + nonce[:12])
        return mac.finalize()

    return AESGCM(block(1) + block(2)), nonce[12:]


@pytest.mark.parametrize("vector", KNOWN["vectors"], ids=by_name)
def test_every_vector_is_what_its_description_says(vector):
    blob, place, ours = bytes.fromhex(vector["blob"]), vector["place"], "subject_key" in vector
    suite = 1 if ours else 2
    labels = (b"v1 enc", b"v1 com") if ours else (b"v1 shared enc", b"v1 shared com")
    key, commitment = (derived(vector, label) for label in labels)
    header = bytes((1, suite)) + bytes.fromhex(vector["handle"])
    header += vector["key_version"].to_bytes(4, "big") + vector["row_version"].to_bytes(8, "big")
    header += commitment
    bound = b"vault/v1" + framed(
        header,
        place["tenant"].encode(),
        place["domain"].encode(),
        bytes.fromhex(place["record"]),
        place["group"].encode(),
        place["schema"].to_bytes(2, "big"),
        place["purpose_class"].encode(),
    )
    cut = 54 + (12 if ours else 24)
    cipher, nonce = (AESGCM(key), blob[54:cut]) if ours else xaes(key, blob[54:cut])
    assert blob[:54] == header
    assert blob[54:cut].hex() == vector["nonce"]
    padded = cipher.decrypt(nonce, blob[cut:], bound)
    plaintext = bytes.fromhex(vector["plaintext"])
    assert padded == plaintext + b"\x80" + bytes(-(len(plaintext) + 1) % 64)


def opened(vector):
    version = vector["key_version"]
    if "domain_key" in vector:
        deriver = Deriver(bytes.fromhex(vector["domain_key"]))
        key = shared(deriver, vector["purpose"], version=version)
    else:
        key = SubjectKey(
            key=bytes.fromhex(vector["subject_key"]),
            handle=bytes.fromhex(vector["handle"]),
            version=version,
        ).group(KNOWN["vectors"][1]["place"]["group"])
    place = vector["place"]
    place = Place(**{**place, "record": bytes.fromhex(place["record"])})
    blob = bytes.fromhex(vector["blob"])
    return envelope.unseal(key, place, blob, row_version=vector["row_version"])


@pytest.mark.parametrize("vector", KNOWN["refusals"], ids=by_name)
def test_threat_08_every_refusal_is_refused(vector):
    with pytest.raises(TamperedError):
        opened(vector)


def test_the_refusals_are_near_misses_of_what_opens():
    known = {vector["name"]: vector for vector in KNOWN["refusals"]}
    assert opened({**known["an older row version in the row"], "row_version": 7}) == b"plain"
    one_off = known["one bit off in a shared secret's nonce"]
    blob = bytearray.fromhex(one_off["blob"])
    blob[77] ^= 1
    assert opened({**one_off, "blob": blob.hex()}) == b"plain"


def test_the_refusals_name_every_suite_that_is_reserved():
    names = " ".join(vector["name"] for vector in KNOWN["refusals"])
    assert "suite 3 is reserved (AES-SIV)" in names
    assert "suite 4 is reserved (AES-256-GCM-SIV)" in names
