"""Who uses which domain's key: what must be moved on before an old version can end."""

from typing import Final

from identity.login import one_time_codes
from vault import domain_rotation, signing

BOXED: Final = (signing.SEALED, one_time_codes.SEALED)
"""Every table with boxed secrets."""
COUNTS: Final = domain_rotation.counts_of(BOXED)
"""Of a domain that is not here, no older version is ever retired."""
