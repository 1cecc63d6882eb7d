"""Threat 48: bytes that open are still strangers: only what we write is read, and little of it."""

from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vault import envelope, log_leaf, sealed_groups
from vault.ciphers import SubjectKey
from vault.envelope import Place
from vault.envelope_errors import TamperedError
from vault.log_leaf import Leaf

KEY = SubjectKey(key=bytes(range(32)), handle=b"handle-1", version=1)
RECORD = SimpleNamespace(bytes=b"r" * 16)
PLACE = Place(record=RECORD.bytes, group="identity")

scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.binary()
shapes = st.recursive(
    scalars | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)
contents = st.binary(max_size=120) | shapes.map(msgspec.msgpack.encode)


def row(blob):
    return SimpleNamespace(record=RECORD, group="identity", row_version=1, blob=blob)


@given(contents)
@example(b"\x81\xa1\x80\xc0")  # a name that is no UTF-8
def test_threat_48_a_group_that_opens_is_values_by_name_or_refused(content):
    blob = envelope.seal(KEY.group("identity"), PLACE, content, row_version=1)
    try:
        values = sealed_groups._unseal(KEY, row(blob))
    except TamperedError:
        return
    assert isinstance(values, dict)
    assert all(isinstance(name, str) for name in values)


@given(st.dictionaries(st.text(max_size=8), shapes, max_size=3), scalars)
def test_threat_48_one_name_of_another_kind_is_refused(values, name):
    content = msgspec.msgpack.encode({**values, name: "value"})
    blob = envelope.seal(KEY.group("identity"), PLACE, content, row_version=1)
    with pytest.raises(TamperedError):
        sealed_groups._unseal(KEY, row(blob))


@given(contents)
def test_threat_48_a_leaf_of_another_shape_is_refused(content):
    try:
        assert isinstance(log_leaf.decode(content), Leaf)
    except TamperedError:
        return


@given(contents)
def test_threat_48_what_a_leaf_seals_is_read_strictly(content):
    key, entry = KEY.group("log"), b"e" * 16
    nonce = key.nonce()
    bound = log_leaf._bound(key, entry)
    sealed = nonce + key.cipher.encrypt(nonce, envelope.pad(content), bound)
    leaf = SimpleNamespace(sealed=sealed, id=entry)
    try:
        assert isinstance(log_leaf.unseal(key, leaf), log_leaf.Sealed)
    except TamperedError:
        return


@pytest.mark.parametrize("depth", [10, 10_000])
def test_threat_48_nesting_without_end_is_refused_and_no_crash(depth):
    content = b"\x81\xa1k" + b"\x91" * depth
    blob = envelope.seal(KEY.group("identity"), PLACE, content, row_version=1)
    with pytest.raises(TamperedError):
        sealed_groups._unseal(KEY, row(blob))


def test_threat_48_nothing_that_is_too_large_is_sealed_or_opened():
    largest = envelope.PLAINTEXT_LIMIT_BYTES
    key = KEY.group("identity")
    assert len(envelope.unseal(key, PLACE, envelope.seal(key, PLACE, bytes(largest)))) == largest
    with pytest.raises(ValueError, match="too large"):
        envelope.seal(key, PLACE, bytes(largest + 1))
    huge = envelope.seal(key, PLACE, bytes(largest)) + bytes(64)
    with pytest.raises(TamperedError):
        envelope.unseal(key, PLACE, huge)
