"""The Merkle tree of RFC 6962 §2.1, as pure functions: hashes in, hashes and proofs out."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from struct import Struct
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256().digest()
_INNER: Final = sha256(b"\x01")
"""Begun once, and copied: a proof in a large tree takes some hundreds."""
_PAIRS: Final = Struct(f"{2 * HASH_BYTES}s")

Node = Callable[[int, int], bytes]
"""node(height, index): the perfect subtree of 2**height leaves, counted from the left."""


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf's bytes."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees' hashes."""
    return sha256(b"\x01" + left + right).digest()


def compress(hashes: Sequence[bytes]) -> bytes:
    """The root over 2**k hashes of subtrees of one size."""
    return joined(b"".join(hashes))


def joined(hashes: bytes) -> bytes:
    """The root over 2**k hashes that stand end to end."""
    while len(hashes) > HASH_BYTES:
        above = []
        for (pair,) in _PAIRS.iter_unpack(hashes):
            inner = _INNER.copy()
            inner.update(pair)
            above.append(inner.digest())
        hashes = b"".join(above)
    return hashes


def root(size: int, node: Node) -> bytes:
    """The root of the tree of this size."""
    return range_root(0, size, node) if size else EMPTY_ROOT


def range_root(start: int, end: int, node: Node) -> bytes:
    """MTH(D[start:end]) for a range that the tree's own recursion meets."""
    size = end - start
    if size & (size - 1) == 0:
        height = size.bit_length() - 1
        return node(height, start >> height)
    middle = start + _split(size)
    return node_hash(range_root(start, middle, node), range_root(middle, end, node))


def inclusion(index: int, size: int, node: Node) -> list[bytes]:
    """The audit path of one leaf, from the leaf up (RFC 6962 §2.1.1).

    Raises:
        ValueError: no such leaf in a tree of this size.
    """
    if not 0 <= index < size:
        raise ValueError("no such leaf")
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(range_root(middle, end, node))
            end = middle
        else:
            path.append(range_root(start, middle, node))
            start = middle
    return path[::-1]


def consistency(old: int, new: int, node: Node) -> list[bytes]:
    """The proof that the tree of size `old` is the beginning of that of size `new` (§2.1.2).

    Raises:
        ValueError: the sizes are not in order, or the older tree is empty.
    """
    if not 0 < old <= new:
        raise ValueError("the older tree must be the smaller, and not empty")
    proof, start, end = [], 0, new
    while old < end:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(range_root(middle, end, node))
            end = middle
        else:
            proof.append(range_root(start, middle, node))
            start = middle
    # The subtree the walk ends in is the verifier's own root, unless it began elsewhere.
    return [*([range_root(start, end, node)] if start else []), *reversed(proof)]


def includes(index: int, size: int, leaf: bytes, proof: Sequence[bytes], expected: bytes) -> bool:
    """Whether the proof leads from a leaf's hash to this root (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size or not _are_hashes([leaf, expected, *proof]):
        return False
    at, last, found = index, size - 1, leaf
    for hash_ in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(hash_, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, hash_)
        at, last = at >> 1, last >> 1
    return last == 0 and found == expected


def consistent(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the proof shows that the older tree is the newer one's beginning (§2.1.4.2)."""
    if not 0 < old <= new or not _are_hashes([old_root, new_root, *proof]):
        return False
    if old == new:
        return not proof and old_root == new_root
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    older = newer = path[0]
    for hash_ in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            older, newer = node_hash(hash_, older), node_hash(hash_, newer)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            newer = node_hash(newer, hash_)
        at, last = at >> 1, last >> 1
    return last == 0 and older == old_root and newer == new_root


def _split(size: int) -> int:
    # The largest power of two smaller than the size.
    return 1 << (size - 1).bit_length() - 1


def _are_hashes(values: Sequence[bytes]) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
