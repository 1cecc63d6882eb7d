"""A sparse Merkle map, as pure functions: a leaf's place is given by a hash, so it has but one.

The top is a perfect tree over 2**16 buckets; below, a subtree with one leaf is that leaf, and
one without is `EMPTY`. Inner nodes are hashed as in RFC 6962 §2.1; a leaf's hash binds its place.
"""

from collections.abc import Sequence
from typing import Final

from vault import merkle
from vault.merkle import HASH_BYTES

BUCKET_BITS: Final = 16
EMPTY: Final = bytes(HASH_BYTES)
"""In the place of a hash, where there is no leaf."""

Leaf = tuple[bytes, bytes]
"""(place, hash)."""


def bucket(place: bytes) -> int:
    """Which bucket a place is in."""
    return int.from_bytes(place[: BUCKET_BITS // 8], "big")


def subtree(leaves: Sequence[Leaf], depth: int = BUCKET_BITS) -> bytes:
    """The hash over leaves that share the first `depth` bits of their places."""
    if not leaves:
        return EMPTY
    if len(leaves) == 1:
        return leaves[0][1]
    left, right = _halves(leaves, depth)
    return merkle.node_hash(subtree(left, depth + 1), subtree(right, depth + 1))


def path(leaves: Sequence[Leaf], place: bytes, depth: int = BUCKET_BITS) -> list[bytes]:
    """The hashes beside the way from a place up to its bucket; the place has a leaf."""
    if len(leaves) == 1:
        return []
    halves, turn = _halves(leaves, depth), _turn(place, depth)
    beside = subtree(halves[not turn], depth + 1)
    return [*path(halves[turn], place, depth + 1), beside]


def root(place: bytes, leaf_hash: bytes, path_: Sequence[bytes]) -> bytes:
    """The root that a path leads to, from the leaf at a place."""
    found = leaf_hash
    for depth, beside in zip(reversed(range(len(path_))), path_, strict=True):
        pair = (beside, found) if _turn(place, depth) else (found, beside)
        found = merkle.node_hash(*pair)
    return found


def _halves(leaves: Sequence[Leaf], depth: int) -> tuple[list[Leaf], list[Leaf]]:
    left: list[Leaf] = []
    right: list[Leaf] = []
    for leaf in leaves:
        (right if _turn(leaf[0], depth) else left).append(leaf)
    return left, right


def _turn(place: bytes, depth: int) -> bool:
    return bool(place[depth >> 3] >> (7 - (depth & 7)) & 1)
