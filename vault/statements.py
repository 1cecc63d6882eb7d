"""What the service signs for a person to keep: a compact JWS (RFC 7515), ES256, by its type."""

from collections.abc import Mapping
from typing import Any

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from vault import jwk, signing
from vault.database import Transaction
from vault.keyring import Keyring


async def sign(tx: Transaction, keyring: Keyring, kind: str, record: Mapping[str, Any]) -> str:
    """Sign a record. Its kind is the `typ` of the header.

    So no other signature of ours passes for one of this kind (RFC 8725 §3.11).
    """
    key = await signing.active(tx, keyring, "receipt")
    header = {"alg": key.alg, "kid": key.kid, "typ": kind}
    signed = ".".join(jwk.base64url(msgspec.json.encode(part)) for part in (header, record))
    return f"{signed}.{jwk.base64url(key.sign(signed.encode()))}"


async def verify(
    tx: Transaction, keyring: Keyring, kind: str, compact: str
) -> Mapping[str, Any] | None:
    """What a record of this kind says, if we signed it, however long ago; None if we did not."""
    try:
        header = jws.extract_compact(compact.encode("ascii")).headers()
        # Looked up among the receipt keys alone; the algorithm is the key's, never the header's
        # (RFC 8725 §3.1, §3.8).
        ours = await signing.ever(tx, keyring, "receipt")
        key = next((key for key in ours if key["kid"] == header.get("kid")), None)
        if key is None or header.get("typ") != kind:
            return None
        checked = jws.deserialize_compact(compact, ECKey.import_key({**key}), algorithms=["ES256"])
        return msgspec.json.decode(checked.payload, type=dict[str, Any])
    except (JoseError, ValueError):
        return None
