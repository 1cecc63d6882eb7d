"""A map's root commits to one leaf at each place, and to no leaf anywhere else."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from vault import merkle, sparse_map

places = st.binary(min_size=2, max_size=2).map(lambda end: bytes(30) + end)
"""All in one bucket, alike but for the last bits: the deepest ways there are."""
hashes = st.binary(min_size=32, max_size=32)


def bound(values):
    """Leaves whose hashes bind their places, as a map wants them."""
    return {place: sha256(place + value).digest() for place, value in values.items()}


maps = st.dictionaries(places, hashes, min_size=1, max_size=8).map(bound)


@given(maps)
def test_every_path_leads_to_the_root(leaves):
    kept = sorted(leaves.items())
    above = [bytes(32)] * sparse_map.BUCKET_BITS
    expected = sparse_map.subtree(kept)
    for beside in above:
        expected = merkle.node_hash(expected, beside)
    for place, hashed in kept:
        path = sparse_map.path(kept, place)
        assert sparse_map.root(place, hashed, [*path, *above]) == expected


@given(maps, hashes, st.data())
def test_another_hash_or_place_leads_elsewhere(leaves, other, data):
    kept = sorted(leaves.items())
    place = data.draw(st.sampled_from(sorted(leaves)))
    path = [*sparse_map.path(kept, place), *[bytes(32)] * sparse_map.BUCKET_BITS]
    root = sparse_map.root(place, leaves[place], path)
    assert (sparse_map.root(place, other, path) == root) == (other == leaves[place])
    turned = bytes([place[0] ^ 0x80]) + place[1:]
    assert sparse_map.root(turned, leaves[place], path) != root


@given(maps, hashes, st.data())
def test_the_root_changes_with_every_leaf(leaves, other, data):
    place = data.draw(places)
    changed = leaves | bound({place: other})
    same = sparse_map.subtree(sorted(leaves.items())) == sparse_map.subtree(sorted(changed.items()))
    assert same == (changed == leaves)


def test_no_leaves_and_one_leaf_are_themselves():
    assert sparse_map.subtree([]) == sparse_map.EMPTY
    assert sparse_map.subtree([(bytes(32), b"x" * 32)]) == b"x" * 32
    assert sparse_map.path([(bytes(32), b"x" * 32)], bytes(32)) == []
    assert sparse_map.bucket(b"\x01\x02" + bytes(30)) == 0x0102
