"""The shred tree: what a record's key hangs from, so that a backup cannot bring it back.

Thirty-two records' keys are wrapped by a node, thirty-two nodes by one above, up to a top
that the root wraps. To forget a record, every node on its way up takes a new key, and what
else hangs there is wrapped anew: whoever kept the old rows needs an old root to open them,
and old roots are destroyed (reference: vault 3.2; ADR-0014).
"""

import asyncio
import secrets
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    and_,
    or_,
    select,
)

from vault import bulk, root_wraps
from vault.database import AnyRow, Instant, Transaction, insert_new, metadata, spread
from vault.envelope_errors import TamperedError
from vault.framing import framed
from vault.keys import KEY_BYTES, Keys
from vault.node_keys import NodeKey
from vault.opaque import Opaque

FAN_BITS: Final = 5
FAN_OUT: Final = 1 << FAN_BITS
DEPTH: Final = 6
"""Levels of nodes; 2**30 leaves: 25 M people, 6 M households and every key they ever change."""
BOTTOM: Final = 1
HELD_SECONDS: Final = 300
HELD_NODES: Final = 4_096

Place = tuple[int, int]
"""(level, index from the left) of a node; level 1 holds records' keys, level 6 is the top."""

key_nodes: Final = Table(
    "key_nodes",
    metadata,
    Column("tree", String(8), primary_key=True),
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("parent", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("parent_version", Integer, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Index("ix_key_nodes_parent", "tree", "level", "parent"),
)


class Renewed(msgspec.Struct, frozen=True):
    """A node's key before and after."""

    old: NodeKey
    new: NodeKey


class Tree(Opaque):
    """One tree, by name (`data` or `log`), with the nodes that were opened lately."""

    __slots__ = ("_held", "_keys", "name")

    def __init__(self, name: str, keys: Keys) -> None:
        self.name = name
        self._keys = keys
        self._held: dict[Place, tuple[datetime, NodeKey]] = {}

    def forget(self) -> None:
        """Hold no node any longer."""
        self._held.clear()

    async def nodes(self, tx: Transaction, wanted: Mapping[int, int]) -> dict[int, NodeKey]:
        """The bottom nodes of these indexes, at these versions.

        One that is not there or does not open is left out: a fault of what hangs from it alone.

        Raises:
            KeyLostError: the root that wrapped the top is not here.
        """
        found: dict[int, NodeKey] = {}
        for trusting in (True, False):
            absent = [idx for idx in wanted if idx not in found]
            if not absent:
                break
            opened = await self._open(tx, absent, trusting=trusting)
            found |= {
                idx: opened[BOTTOM, idx]
                for idx in absent
                if (BOTTOM, idx) in opened and opened[BOTTOM, idx].version == wanted[idx]
            }
        return found

    async def grow(self, tx: Transaction, indexes: Collection[int]) -> dict[int, NodeKey]:
        """The bottom nodes that new leaves will hang from, made where missing.

        Held until commit against `renew`, which would leave a new leaf under a dead key.
        """
        places = _paths(indexes)
        rows = await _rows(tx, self.name, places, lock="share")
        opened: dict[Place, NodeKey] = {}
        for level in range(DEPTH, 0, -1):
            here = [place for place in places if place[0] == level]
            missing = [place for place in here if place not in rows]
            if missing:
                new = [await self._new(tx, place, opened.get(_above(place))) for place in missing]
                await insert_new(tx, key_nodes, new)
                rows |= await _rows(tx, self.name, missing, lock="share")
            for place in here:
                opened[place] = await self._unwrapped(rows[place], opened.get(_above(place)))
        return {idx: opened[BOTTOM, idx] for idx in indexes}

    async def renew(
        self,
        tx: Transaction,
        indexes: Collection[int],
        *,
        lowest: int = BOTTOM,
        highest: int = DEPTH,
    ) -> dict[int, Renewed]:
        """Give every node between these, of the lowest level, and the root a new key.

        What hangs from bottom nodes is for the caller to wrap anew, in this transaction. Nodes
        above the `highest` level keep theirs and are held against others who would renew them:
        many may renew beside one another, and whoever is last renews what is above.

        Raises:
            TamperedError: a node was altered or moved.
            KeyLostError: the root that wrapped the top is not here.
        """
        if not indexes:
            return {}
        places = _paths(indexes, lowest)
        kept = [place for place in places if place[0] > highest]
        turned = [place for place in places if place[0] <= highest]
        rows = await _rows(tx, self.name, kept, lock="share")
        rows |= await _rows(tx, self.name, turned, lock="update")
        if len(rows) < len(places):
            raise TamperedError
        old: dict[Place, NodeKey] = {}
        new: dict[Place, NodeKey] = {}
        fresh: dict[Place, bytes] = {}
        for place in places:
            old[place] = new[place] = await self._unwrapped(rows[place], old.get(_above(place)))
        for place in turned:
            fresh[place] = secrets.token_bytes(KEY_BYTES)
            new[place] = NodeKey(fresh[place], old[place].version + 1)
        changes = [
            await self._change(tx, place, fresh[place], new[place].version, new.get(_above(place)))
            for place in turned
        ]
        for row in await _children(tx, self.name, turned):
            place = (row.level, row.idx)
            if place not in fresh:
                above = _above(place)
                key = old[above].unwrap(row.wrapped, _bound(self.name, place, row.version))
                changes.append(await self._change(tx, place, key, row.version, new[above]))
        await bulk.change(tx, key_nodes, _ONE, changes)
        self.forget()
        return {idx: Renewed(old[lowest, idx], new[lowest, idx]) for idx in indexes}

    async def there(self, tx: Transaction, indexes: Collection[int], level: int) -> set[int]:
        """Those of these nodes that were made."""
        rows = await _rows(tx, self.name, [(level, idx) for idx in indexes])
        return {idx for _, idx in rows}

    async def rewrap(self, tx: Transaction) -> bool:
        """Wrap the top under the active root. False if nothing hangs there yet."""
        top = (DEPTH, 0)
        row = (await _rows(tx, self.name, [top], lock="update")).get(top)
        if row is None:
            return False
        place = _bound(self.name, top, row.version)
        key = await asyncio.to_thread(self._keys.unwrap, row.wrapped, place)
        change = await self._change(tx, top, key, row.version, None)
        await bulk.change(tx, key_nodes, _ONE, [change])
        return True

    async def _open(
        self, tx: Transaction, indexes: Collection[int], *, trusting: bool
    ) -> dict[Place, NodeKey]:
        """The nodes of these paths; `trusting` reads only those that are not held."""
        if not trusting:
            self.forget()
        paths = _paths(indexes)
        opened = {place: key for place in paths if (key := self._fresh(place, tx.now))}
        rows = await _rows(tx, self.name, [each for each in paths if each not in opened])
        for place in paths:
            if place in opened or place not in rows:
                continue
            above = opened.get(_above(place))
            row = rows[place]
            if place[0] < DEPTH and (above is None or above.version != row.parent_version):
                continue  # what is held is of before a renewal: read all of it again
            with suppress(TamperedError):
                opened[place] = await self._unwrapped(row, above)
                self._hold(place, opened[place], tx.now)
        return opened

    async def _unwrapped(self, row: AnyRow, above: NodeKey | None) -> NodeKey:
        place = (row.level, row.idx)
        bound = _bound(self.name, place, row.version)
        if above is None:
            # The root may be a device: it must not stop the event loop.
            key = await asyncio.to_thread(self._keys.unwrap, row.wrapped, bound)
        else:
            key = above.unwrap(row.wrapped, bound)
        return NodeKey(key, row.version)

    async def _new(self, tx: Transaction, place: Place, above: NodeKey | None) -> dict[str, Any]:
        return await self._change(tx, place, secrets.token_bytes(KEY_BYTES), 1, above)

    async def _change(
        self, tx: Transaction, place: Place, key: bytes, version: int, above: NodeKey | None
    ) -> dict[str, Any]:
        bound = _bound(self.name, place, version)
        if above is None:
            wrapped = await root_wraps.wrap(tx, self._keys, key, bound)
        else:
            wrapped = above.wrap(key, bound)
        return {
            "tree": self.name,
            "level": place[0],
            "idx": place[1],
            "parent": _above(place)[1],
            "version": version,
            "parent_version": above.version if above else 0,
            "wrapped": wrapped,
            "updated_at": tx.now,
        }

    def _fresh(self, place: Place, now: datetime) -> NodeKey | None:
        until, key = self._held.get(place, (now, None))
        return key if now < until else None

    def _hold(self, place: Place, key: NodeKey, now: datetime) -> None:
        self._held.pop(place, None)
        self._held[place] = (now + timedelta(seconds=HELD_SECONDS), key)
        while len(self._held) > HELD_NODES:
            del self._held[next(iter(self._held))]


async def wrapped(tx: Transaction) -> list[bytes]:
    """The tops as they are kept: for who asks which root versions are in use."""
    query = select(key_nodes.c.wrapped).where(key_nodes.c.level == DEPTH)
    return list(await tx.connection.scalars(query))


def _paths(indexes: Iterable[int], lowest: int = BOTTOM) -> list[Place]:
    """Every node between the root and these of the lowest level, from the top down."""
    found = {
        (level, idx >> FAN_BITS * (level - lowest))
        for idx in indexes
        for level in range(lowest, DEPTH + 1)
    }
    return sorted(found, key=lambda place: (-place[0], place[1]))


def _above(place: Place) -> Place:
    level, idx = place
    return level + 1, idx >> FAN_BITS


def _bound(tree: str, place: Place, version: int) -> bytes:
    level, idx = place
    return framed(
        b"node",
        tree.encode(),
        level.to_bytes(1, "big"),
        idx.to_bytes(8, "big"),
        version.to_bytes(4, "big"),
    )


async def _rows(
    tx: Transaction, tree: str, places: Collection[Place], *, lock: str = ""
) -> dict[Place, AnyRow]:
    if not places:
        return {}
    query = _nodes.where(key_nodes.c.tree == tree, _among(key_nodes.c.idx, places))
    if lock:
        # From the top down: whoever locks a path meets the others in the same order.
        query = query.order_by(key_nodes.c.level.desc(), key_nodes.c.idx)
        query = query.with_for_update(read=lock == "share")
    return {(row.level, row.idx): row for row in await tx.connection.execute(query)}


async def _children(tx: Transaction, tree: str, places: Collection[Place]) -> list[AnyRow]:
    above = [(level - 1, idx) for level, idx in places if level > BOTTOM]
    if not above:
        return []
    query = _nodes.where(key_nodes.c.tree == tree, _among(key_nodes.c.parent, above))
    return list(await tx.connection.execute(query))


def _among(index: Column[int], places: Collection[Place]) -> ColumnElement[bool]:
    """At one of these places: a list per level, all of one length.

    A list of pairs is an OR in an OR to PostgreSQL, thousands deep.
    """
    by_level: dict[int, list[int]] = {}
    for level, idx in sorted(places):
        by_level.setdefault(level, []).append(idx)
    longest = max(map(len, by_level.values()))
    return or_(
        *(
            and_(
                key_nodes.c.level == level,
                index.in_(spread([*found, *[found[-1]] * (longest - len(found))])),
            )
            for level, found in by_level.items()
        )
    )


_nodes: Final = select(
    key_nodes.c.level,
    key_nodes.c.idx,
    key_nodes.c.version,
    key_nodes.c.parent_version,
    key_nodes.c.wrapped,
)
_ONE: Final = ("tree", "level", "idx", "parent")
"""What finds a row, by whichever index PostgreSQL takes: after many inserts its figures are old."""
