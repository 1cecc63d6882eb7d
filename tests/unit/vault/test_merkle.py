from hashlib import sha256

import pytest

from vault import merkle

# The eight leaves and the roots of sizes 0..8 of the Certificate Transparency reference
# tests (RFC 6962; transparency-dev/merkle testdata).
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
HASHES = [merkle.leaf_hash(leaf) for leaf in LEAVES]


def node(height, index):
    return merkle.compress(HASHES[index << height : (index + 1) << height])


@pytest.mark.parametrize("size", range(9))
def test_the_roots_are_those_of_the_reference(size):
    assert merkle.root(size, node).hex() == ROOTS[size]


def test_leaves_and_nodes_are_hashed_apart():
    # RFC 6962 §2.1: else a node could be given out for a leaf.
    assert merkle.leaf_hash(b"x") == sha256(b"\x00x").digest()
    assert merkle.node_hash(b"x", b"y") == sha256(b"\x01xy").digest()


def test_the_audit_path_of_the_reference():
    # RFC 6962 §2.1.3 shape: leaf 0 of 8 has its sibling, then two greater subtrees
    path = [hash_.hex() for hash_ in merkle.inclusion(0, 8, node)]
    assert path == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 3), (8, 8)])
def test_there_is_no_path_for_a_leaf_that_is_not_there(index, size):
    with pytest.raises(ValueError, match="no such leaf"):
        merkle.inclusion(index, size, node)


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3), (-1, 3)])
def test_there_is_no_consistency_with_an_empty_or_greater_tree(old, new):
    with pytest.raises(ValueError, match="smaller, and not empty"):
        merkle.consistency(old, new, node)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_no_proof_shows_a_leaf_outside_the_tree(index, size):
    assert not merkle.includes(index, size, HASHES[0], [], HASHES[0])


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3), (-1, 3)])
def test_no_proof_shows_consistency_with_an_empty_or_greater_tree(old, new):
    root = merkle.root(3, node)
    assert not merkle.consistent(old, new, root, root, [])


def test_hashes_of_another_length_prove_nothing():
    root = merkle.root(2, node)
    assert not merkle.includes(0, 2, HASHES[0], [HASHES[1][:31]], root)
    assert not merkle.consistent(1, 2, HASHES[0], root, [HASHES[1] + b"\0"])


def test_a_tree_is_consistent_with_itself_by_no_hashes_at_all():
    root = merkle.root(5, node)
    assert merkle.consistent(5, 5, root, root, [])
    assert not merkle.consistent(5, 5, root, merkle.root(4, node), [])
    assert not merkle.consistent(5, 5, root, root, [root])


def test_a_proof_that_is_empty_or_too_long_shows_no_consistency():
    three, five = merkle.root(3, node), merkle.root(5, node)
    proof = merkle.consistency(3, 5, node)
    assert merkle.consistent(3, 5, three, five, proof)
    assert not merkle.consistent(3, 5, three, five, [])
    assert not merkle.consistent(3, 5, three, five, [*proof, three])


MANY = [merkle.leaf_hash(bytes([number])) for number in range(40)]


def of_many(height, index):
    return merkle.compress(MANY[index << height : (index + 1) << height])


@pytest.mark.parametrize("size", range(1, 40))
def test_every_leaf_of_every_small_tree_is_proved_at_its_place_alone(size):
    root = merkle.root(size, of_many)
    for index in range(size):
        path = merkle.inclusion(index, size, of_many)
        places = [at for at in range(-1, size + 1)
                  if merkle.includes(at, size, MANY[index], path, root)]  # fmt: skip
        assert places == [index]


@pytest.mark.parametrize("new", range(1, 40))
def test_every_small_tree_is_shown_to_be_the_beginning_of_each_greater(new):
    newer = merkle.root(new, of_many)
    for old in range(1, new + 1):
        older, proof = merkle.root(old, of_many), merkle.consistency(old, new, of_many)
        assert merkle.consistent(old, new, older, newer, proof)
        assert not merkle.consistent(old, new, MANY[-1], newer, proof)
        assert not merkle.consistent(old, new, older, MANY[-1], proof)
