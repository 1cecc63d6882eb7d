"""New versions of the domains' keys, and the end of old ones once nothing uses them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from vault import (
    boxed_rows,
    domain_keys,
    index_rotation,
    index_versions,
    key_epoch,
    log_housed,
    log_retagging,
    signing,
    tombstones,
)
from vault.boxed_rows import BoxedRows
from vault.database import Transaction, fetch_all
from vault.index_held import Live
from vault.keyring import Keyring

Count = Callable[[Transaction, Keyring, int], Awaitable[int]]
"""How many things one version of a domain's key is still needed for."""


async def rotate(tx: Transaction, keyring: Keyring, name: str) -> int:
    """Make the next version the active one; the older goes on opening. The version.

    Raises:
        VaultError: there is no such domain.
    """
    if name == index_versions.DOMAIN:  # its rules are pinned with it
        version = await index_rotation.begin(tx, keyring)
    else:
        version = await domain_keys.rotate(tx, keyring.keys, name)
    await key_epoch.advance(tx)
    return version


async def retire(
    tx: Transaction,
    keyring: Keyring,
    name: str,
    version: int,
    counts: Mapping[str, Count],
    *,
    ending: bool = False,
) -> bool:
    """Let an older version open nothing any more. False while anything uses it.

    `ending`: what uses it is meant to end with it (programmes' identifiers, after the notice).
    """
    if not ending and await uses(tx, keyring, name, version, counts):
        return False
    done = await domain_keys.retire(tx, name, version)
    await key_epoch.advance(tx)
    return done


async def uses(
    tx: Transaction, keyring: Keyring, name: str, version: int, counts: Mapping[str, Count]
) -> int:
    """How many things still need a version; of a domain that nobody counts, one too many."""
    if version not in keyring.versions(name).usable:
        return 0
    count = counts.get(name)
    return 1 if count is None else await count(tx, keyring, version)


def counts_of(boxed: Sequence[BoxedRows]) -> dict[str, Count]:
    """What the vault can count by itself; whoever owns another domain adds to it."""

    async def in_boxes(tx: Transaction, _keyring: Keyring, version: int) -> int:
        return await boxed_rows.uses(tx, boxed, version)

    return {
        "blind-index": _tags,
        "boxes": in_boxes,
        "log": log_housed.uses,
        "log-reference": log_retagging.uses,
        "secrets": signing.vouched,
        "tombstones": _erased,
    }


async def _erased(tx: Transaction, _keyring: Keyring, version: int) -> int:
    return await tombstones.in_version(tx, version)


async def _tags(tx: Transaction, _keyring: Keyring, version: int) -> int:
    # A version that answers is in use, even before the first row of it.
    live = await fetch_all(tx, index_versions.live(), Live)
    answers = any(each.version == version for each in live)
    return await index_rotation.uses(tx, version) or int(answers)
