"""The tree against its definition, written down naively."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault import log_tree, merkle
from vault.envelope_errors import TamperedError
from vault.log_tree import Tiles

LEAVES = [sha256(number.to_bytes(4, "big")).digest() for number in range(700)]
sizes = st.integers(1, 60)


def defined(leaves):
    """MTH of RFC 6962 §2.1, word for word."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else sha256(b"").digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    left, right = defined(leaves[:split]), defined(leaves[split:])
    return sha256(b"\x01" + left + right).digest()


def node(height, index):
    return defined(LEAVES[index << height : (index + 1) << height])


@given(sizes)
def test_the_root_is_as_defined(size):
    assert merkle.root(size, node) == defined(LEAVES[:size])


@given(sizes, st.data())
def test_each_leaf_is_proved_and_no_other(size, data):
    index = data.draw(st.integers(0, size - 1))
    root, path = defined(LEAVES[:size]), merkle.inclusion(index, size, node)
    assert merkle.includes(index, size, LEAVES[index], path, root)
    assert not merkle.includes(index, size, LEAVES[index + 1], path, root)
    assert not merkle.includes(index, size, LEAVES[index], path, LEAVES[-1])
    assert not merkle.includes(index, size, LEAVES[index], [*path, root], root)
    assert not merkle.includes(index, size, LEAVES[index], path[:-1], root) or not path


@given(sizes, st.data())
def test_a_path_with_one_hash_off_proves_nothing(size, data):
    index = data.draw(st.integers(0, size - 1))
    path = merkle.inclusion(index, size, node)
    if path:
        path[data.draw(st.integers(0, len(path) - 1))] = LEAVES[-1]
        assert not merkle.includes(index, size, LEAVES[index], path, defined(LEAVES[:size]))


@given(sizes, st.data())
def test_a_path_proves_one_index_alone(size, data):
    index, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size - 1))
    path = merkle.inclusion(index, size, node)
    holds = merkle.includes(other, size, LEAVES[index], path, defined(LEAVES[:size]))
    assert holds == (index == other)


@given(sizes, st.data())
def test_the_older_tree_is_shown_to_be_the_beginning(new, data):
    old = data.draw(st.integers(1, new))
    proof = merkle.consistency(old, new, node)
    older, newer = defined(LEAVES[:old]), defined(LEAVES[:new])
    assert merkle.consistent(old, new, older, newer, proof)


@given(sizes, st.data())
def test_threat_30_a_tree_that_forked_is_not_consistent(new, data):
    old = data.draw(st.integers(1, new))
    forked = data.draw(st.integers(0, old - 1))
    leaves = [LEAVES[-1] if at == forked else leaf for at, leaf in enumerate(LEAVES[:new])]

    def other(height, index):
        return defined(leaves[index << height : (index + 1) << height])

    proof = merkle.consistency(old, new, other)
    assert not merkle.consistent(old, new, defined(LEAVES[:old]), defined(leaves), proof)


@given(sizes, st.data())
def test_a_consistency_proof_with_one_hash_off_shows_nothing(new, data):
    old = data.draw(st.integers(1, new))
    proof = merkle.consistency(old, new, node)
    if proof:
        proof[data.draw(st.integers(0, len(proof) - 1))] = LEAVES[-1]
        roots = defined(LEAVES[:old]), defined(LEAVES[:new])
        assert not merkle.consistent(old, new, *roots, proof)


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 513, 700])
def test_tiles_give_the_same_root_and_the_same_proofs(size):
    tiles = Tiles(0, {})
    for leaf in LEAVES[:size]:
        tiles.append(leaf)
    assert tiles.root() == defined(LEAVES[:size])
    index = size // 2
    path = merkle.inclusion(index, size, tiles.node)
    assert merkle.includes(index, size, LEAVES[index], path, tiles.root())


def test_tiles_grow_level_by_level():
    tiles = Tiles(0, {})
    kept = {}
    for number in range(256 * 256 + 1):
        tiles.append(number.to_bytes(32, "big"))
        if number % 1000 == 0:
            kept.update(tiles.take_changed())
    kept.update(tiles.take_changed())
    assert {level: sum(place[0] == level for place in kept) for level in range(3)} == {
        0: 257, 1: 1, 2: 1,
    }  # fmt: skip
    assert all(log_tree.is_full(kept[0, idx]) for idx in range(256))
    assert tiles.root() == merkle.root(65_537, Tiles(65_537, kept).node)


def test_threat_51_a_tile_that_is_missing_or_short_gives_no_proof():
    tiles = Tiles(3, {(0, 0): b"".join(LEAVES[:2])})
    assert tiles.node(1, 0) == defined(LEAVES[:2])
    for height, index in ((0, 2), (8, 0)):
        with pytest.raises(TamperedError):
            tiles.node(height, index)
