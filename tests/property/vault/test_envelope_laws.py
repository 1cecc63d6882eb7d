"""Near misses of a sealed blob: one thing off, and it must not open."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault import envelope
from vault.ciphers import SubjectKey, shared
from vault.envelope import Place
from vault.envelope_errors import TamperedError
from vault.framing import framed
from vault.opaque import Deriver

KEYS = {
    "of a record": SubjectKey(key=bytes(range(32)), handle=b"handle-1", version=1).group("g"),
    "shared": shared(Deriver(bytes(range(32))), "g"),
}
names = st.text(max_size=12)
places = st.builds(
    Place,
    record=st.binary(max_size=20),
    group=names,
    tenant=names,
    domain=names,
    schema=st.integers(0, 2**16 - 1),
    purpose_class=names,
)
plaintexts = st.binary(max_size=200)
keys = st.sampled_from(sorted(KEYS)).map(KEYS.get)
versions = st.integers(0, 2**64 - 1)


@given(keys, places, plaintexts, versions)
def test_what_is_sealed_opens_in_its_place(key, place, plaintext, version):
    blob = envelope.seal(key, place, plaintext, row_version=version)
    assert envelope.unseal(key, place, blob, row_version=version) == plaintext


@given(keys, places, plaintexts, st.data())
def test_threat_07_one_bit_off_anywhere_does_not_open(key, place, plaintext, data):
    blob = bytearray(envelope.seal(key, place, plaintext, row_version=1))
    blob[data.draw(st.integers(0, len(blob) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(TamperedError):
        envelope.unseal(key, place, bytes(blob), row_version=1)


@given(keys, places, plaintexts, st.data())
def test_threat_07_cut_or_extended_does_not_open(key, place, plaintext, data):
    blob = envelope.seal(key, place, plaintext, row_version=1)
    cut = blob[: data.draw(st.integers(0, len(blob) - 1))]
    extended = blob + data.draw(st.binary(min_size=1, max_size=70))
    for changed in (cut, extended):
        with pytest.raises(TamperedError):
            envelope.unseal(key, place, changed, row_version=1)


@given(keys, places, places, st.sampled_from(Place.__struct_fields__))
def test_a_place_with_one_field_off_does_not_open(key, place, other, field):
    moved = msgspec.structs.replace(place, **{field: getattr(other, field)})
    blob = envelope.seal(key, place, b"text")
    if moved == place:
        assert envelope.unseal(key, moved, blob) == b"text"
    else:
        with pytest.raises(TamperedError):
            envelope.unseal(key, moved, blob)


@given(st.lists(st.binary(max_size=4)), st.lists(st.binary(max_size=4)))
def test_no_two_lists_of_parts_are_framed_alike(one, other):
    assert (framed(*one) == framed(*other)) == (one == other)


@given(st.binary(max_size=300))
def test_padding_is_taken_off_whole(plaintext):
    assert envelope.unpad(envelope.pad(plaintext)) == plaintext


@given(st.binary(max_size=300))
def test_only_what_was_padded_is_unpadded(octets):
    try:
        plaintext = envelope.unpad(octets)
    except TamperedError:
        return
    assert octets.startswith(plaintext + b"\x80")
