"""What the blind indexes tell by frequency: how large the largest bucket of each is.

A tag that many records share is the tag of a frequent value, and its rank names the value
(reference §3.7). Only counts are read; no key is used and no value is known.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import BigInteger, cast, func, select

from vault.blind_index import blind_index
from vault.database import Transaction, fetch_all

MOST: Final = 0.001
"""The largest bucket's share of the rows (reference §3.7, vault design 5)."""
FLOOR: Final = 12
"""A bucket up to this size is refused in no store. In a store of 2,000, 0.1 % is two records:
a family that shares a telephone, of whose number nothing is said by there being two."""


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """One index in one version, by its counts."""

    name: str
    version: int
    rows: int
    tags: int
    largest: int

    @property
    def share(self) -> float:
        """The largest bucket's share of the rows."""
        return self.largest / self.rows

    @property
    def refused(self) -> bool:
        """Whether it tells which of its values are frequent."""
        return self.largest > FLOOR and self.share > MOST


async def measure(tx: Transaction) -> Sequence[Bucket]:
    """Every index that has rows, by name and version."""
    buckets = (
        select(blind_index.c.name, blind_index.c.version, func.count().label("size"))
        .group_by(blind_index.c.name, blind_index.c.version, blind_index.c.tag)
        .subquery()
    )
    query = (
        select(
            buckets.c.name,
            buckets.c.version,
            # SUM of counts is a numeric on PostgreSQL: read as a whole number.
            cast(func.sum(buckets.c.size), BigInteger).label("rows"),
            func.count().label("tags"),
            func.max(buckets.c.size).label("largest"),
        )
        .group_by(buckets.c.name, buckets.c.version)
        .order_by(buckets.c.name, buckets.c.version)
    )
    return await fetch_all(tx, query, Bucket)
