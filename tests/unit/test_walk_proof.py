"""The stranger's own mathematics agrees with the service's, and refuses what is altered."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from api.walk import proof
from vault import log_note, merkle
from vault.log_note import Head

SIZES = [1, 2, 3, 5, 8, 13, 64, 65]


def leaves(size):
    return [merkle.leaf_hash(bytes([at])) for at in range(size)]


def tree(hashes):
    def node(height, index):
        return merkle.compress(hashes[index << height : (index + 1) << height])

    return node


@pytest.mark.parametrize("size", SIZES)
def test_a_path_of_the_service_leads_to_its_root(size):
    hashes = leaves(size)
    root = merkle.root(size, tree(hashes))

    for index in range(size):
        path = merkle.inclusion(index, size, tree(hashes))
        assert proof.root(index, size, hashes[index], path) == root


@pytest.mark.parametrize("size", SIZES[1:])
def test_another_leaf_place_or_path_leads_elsewhere(size):
    hashes = leaves(size)
    root = merkle.root(size, tree(hashes))
    path = merkle.inclusion(0, size, tree(hashes))

    assert proof.root(0, size, hashes[1], path) != root
    assert proof.root(1, size, hashes[0], path) != root
    assert proof.root(0, size, hashes[0], path[:-1]) != root
    assert proof.root(0, size, hashes[0], [*path, path[0]]) is None
    assert proof.root(size, size, hashes[0], path) is None


def signed(head):
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return log_note.sign(head, public, private.sign), public


def test_a_signed_note_is_read_and_its_signature_checked():
    note, public = signed(Head("amana.example/log", 7, bytes(32)))

    assert proof.checkpoint(note) == (7, bytes(32))
    assert proof.signed_by(note, public)


def test_another_size_another_key_or_no_signature_is_not_signed():
    note, public = signed(Head("amana.example/log", 7, bytes(32)))
    _, other = signed(Head("amana.example/log", 7, bytes(32)))

    assert not proof.signed_by(note.replace("\n7\n", "\n8\n"), public)
    assert not proof.signed_by(note, other)
    assert not proof.signed_by(note.partition("—")[0], public)
