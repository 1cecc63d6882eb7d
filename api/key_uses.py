"""Who uses which domain's key: what must be moved on before an old version can end."""

from typing import Final

from identity import approvals
from identity.login import channels, one_time_codes
from identity.registry import pseudonym_rows, virtual_rows
from vault import domain_rotation, signing
from vault.database import Transaction
from vault.domain_rotation import Count
from vault.keyring import Keyring

BOXED: Final = (
    signing.SEALED,
    one_time_codes.SEALED,
    channels.SEALED,
    virtual_rows.SEALED,
    approvals.SEALED,
)
"""Every table with boxed secrets."""
_VAULTS: Final = domain_rotation.counts_of(BOXED)


async def _found_by_tag(tx: Transaction, keyring: Keyring, version: int) -> int:
    rows = await _VAULTS["blind-index"](tx, keyring, version)
    return rows + await virtual_rows.in_version(tx, version)


async def _identifiers(tx: Transaction, _keyring: Keyring, version: int) -> int:
    return await pseudonym_rows.in_version(tx, version)


COUNTS: Final[dict[str, Count]] = {
    **_VAULTS,
    "blind-index": _found_by_tag,
    "pairwise": _identifiers,
}
"""Of a domain that is not here, no older version is ever retired."""
