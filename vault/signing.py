"""Keys that sign: access tokens and receipts (ES256), the log's checkpoints (Ed25519).

A key is *active* while it signs (one per use), *published* as long as what it signed is
presented, and then *retired*: its private half is destroyed, its public half stays for ever.
"""

import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from sqlalchemy import Column, Index, LargeBinary, String, Table, Text, insert, select, update

from vault import jwk
from vault.boxed_rows import BoxedRows
from vault.database import AnyRow, Instant, Transaction, insert_new, metadata
from vault.envelope_errors import KeyLostError, TamperedError
from vault.framing import framed
from vault.opaque import Opaque

if TYPE_CHECKING:  # the keyring holds what we open; only the name is needed here
    from vault.keyring import Keyring

Use = Literal["token", "receipt", "checkpoint"]
USES: Final[dict[Use, str]] = {"token": "ES256", "receipt": "ES256", "checkpoint": "EdDSA"}
CACHED_SECONDS: Final = 60
"""A rotation reaches every process within this time; until then the older key still signs."""

signing_keys: Final = Table(
    "signing_keys",
    metadata,
    Column("kid", String(64), primary_key=True),
    Column("use", String(16), nullable=False),
    Column("alg", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("sealed", LargeBinary),
    Column("public_jwk", Text, nullable=False),
    Column("mac", LargeBinary(32), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("retired_at", Instant),
)
_active_only: Final = signing_keys.c.state == "active"
Index(
    "uq_signing_keys_active",
    signing_keys.c.use,
    unique=True,
    sqlite_where=_active_only,
    postgresql_where=_active_only,
)

_public: Final = select(signing_keys.c.use, signing_keys.c.public_jwk, signing_keys.c.mac)

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
_ECDSA: Final = ec.ECDSA(hashes.SHA256())


class SigningKey(Opaque):
    """One key that signs. `sign` gives the raw JOSE signature (RFC 7518 §3.4, RFC 8037)."""

    __slots__ = ("_sign", "alg", "kid", "public_jwk")

    def __init__(self, private: PrivateKey, public_jwk: dict[str, str]) -> None:
        if isinstance(private, ed25519.Ed25519PrivateKey):
            self._sign: Callable[[bytes], bytes] = private.sign
        else:
            self._sign = partial(_es256, private)
        self.public_jwk = public_jwk
        self.kid = public_jwk["kid"]
        self.alg = public_jwk["alg"]

    def sign(self, message: bytes) -> bytes:
        """64 bytes: r ‖ s for ES256, the signature itself for Ed25519."""
        return self._sign(message)


def _es256(private: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    r, s = decode_dss_signature(private.sign(message, _ECDSA))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class Held(Opaque):
    """Signing keys that are open, for a minute."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        self._keys: dict[str, tuple[datetime, SigningKey]] = {}

    def get(self, use: str, now: datetime) -> SigningKey | None:
        """The key held for this use, if it is fresh."""
        until, key = self._keys.get(use, (now, None))
        return key if now < until else None

    def keep(self, use: str, key: SigningKey, now: datetime) -> None:
        """Hold for a minute."""
        self._keys[use] = (now + timedelta(seconds=CACHED_SECONDS), key)

    def drop(self, use: str) -> None:
        """Hold no longer."""
        self._keys.pop(use, None)


async def active(tx: Transaction, keyring: "Keyring", use: Use) -> SigningKey:
    """The key that signs now.

    Raises:
        KeyLostError: there is none.
        TamperedError: its row was altered or moved.
    """
    held = keyring.signing.get(use, tx.now)
    if held is not None:
        return held
    query = select(signing_keys.c.kid, signing_keys.c.sealed).where(
        signing_keys.c.use == use, signing_keys.c.state == "active"
    )
    row = (await tx.connection.execute(query)).first()
    if row is None:
        raise KeyLostError
    key = _open(keyring, use, row.kid, row.sealed)
    keyring.signing.keep(use, key, tx.now)
    return key


async def published(tx: Transaction, keyring: "Keyring", *uses: Use) -> list[dict[str, str]]:
    """The public keys (JWK, RFC 7517) that a relying party should know, newest first.

    Raises:
        TamperedError: a row was altered: a key that is not ours would be published.
    """
    query = _public.where(signing_keys.c.use.in_(uses), signing_keys.c.state != "retired").order_by(
        signing_keys.c.created_at.desc(), signing_keys.c.kid
    )
    return [_checked(keyring, row) for row in await tx.connection.execute(query)]


async def ever(tx: Transaction, keyring: "Keyring", use: Use) -> list[dict[str, str]]:
    """Every public key a use has had, retired ones too: a receipt is verified for years.

    Raises:
        TamperedError: a row was altered.
    """
    query = _public.where(signing_keys.c.use == use)
    return [_checked(keyring, row) for row in await tx.connection.execute(query)]


async def rotate(tx: Transaction, keyring: "Keyring", use: Use) -> SigningKey:
    """Sign with a new key from now on; the older stays published until the next rotation.

    So rotate no more often than what is signed lives. Other processes follow within a
    minute (`CACHED_SECONDS`).
    """
    for state, changes in (
        ("published", {"state": "retired", "sealed": None, "retired_at": tx.now}),
        ("active", {"state": "published"}),
    ):
        of_state = (signing_keys.c.use == use, signing_keys.c.state == state)
        await tx.connection.execute(update(signing_keys).where(*of_state).values(changes))
    made = _new(tx, keyring, use)
    await tx.connection.execute(insert(signing_keys), [made])
    # Not held until it is read again: this transaction may yet roll back.
    keyring.signing.drop(use)
    return _open(keyring, use, made["kid"], made["sealed"])


async def ensure(tx: Transaction, keyring: "Keyring") -> None:
    """See that each use has an active key."""
    there = await _in_use(tx)
    if missing := [use for use in USES if use not in there]:
        # Another process may have been first: its key stays and ours is not kept.
        await insert_new(tx, signing_keys, [_new(tx, keyring, use) for use in missing])


async def vouch(tx: Transaction, keyring: "Keyring") -> None:
    """Vouch for every public key under the active secret, once it is known everywhere.

    Raises:
        TamperedError: a row was altered.
    """
    for row in (await tx.connection.execute(_public)).all():
        _vouched(keyring, row)
        await tx.connection.execute(
            update(signing_keys)
            .where(signing_keys.c.public_jwk == row.public_jwk, signing_keys.c.use == row.use)
            .values(mac=_mac(keyring, row.use, row.public_jwk))
        )


async def vouched(tx: Transaction, keyring: "Keyring", version: int) -> int:
    """How many public keys one version of the secret vouches for."""
    rows = (await tx.connection.execute(_public)).all()
    return sum(_vouched(keyring, row) == version for row in rows)


async def _in_use(tx: Transaction) -> set[str]:
    query = select(signing_keys.c.use).where(signing_keys.c.state == "active")
    return set(await tx.connection.scalars(query))


def _new(tx: Transaction, keyring: "Keyring", use: Use) -> dict[str, Any]:
    private: PrivateKey = (
        ed25519.Ed25519PrivateKey.generate()
        if USES[use] == "EdDSA"
        else ec.generate_private_key(ec.SECP256R1())
    )
    public_jwk = jwk.of(private.public_key())
    text = msgspec.json.encode(public_jwk).decode()
    der = private.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),  # the box seals it
    )
    return {
        "kid": public_jwk["kid"],
        "use": use,
        "alg": public_jwk["alg"],
        "state": "active",
        "sealed": keyring.box("signing").seal(der, _place(use, public_jwk["kid"])),
        "public_jwk": text,
        "mac": _mac(keyring, use, text),
        "created_at": tx.now,
    }


def _open(keyring: "Keyring", use: Use, kid: str, sealed: bytes) -> SigningKey:
    der = keyring.box("signing").open(sealed, _place(use, kid))
    private = cast("PrivateKey", serialization.load_der_private_key(der, password=None))
    # From the private half, not from the row: what is published is what signs.
    return SigningKey(private, jwk.of(private.public_key()))


def _place(use: str, kid: str) -> bytes:
    return framed(use.encode(), kid.encode())


def _mac(keyring: "Keyring", use: str, public_jwk: str, version: int | None = None) -> bytes:
    secret = keyring.secret("signing", version)
    return hmac.digest(secret, framed(use.encode(), public_jwk.encode()), "sha256")


def _vouched(keyring: "Keyring", row: AnyRow) -> int:
    """The version of the secret that vouches for a row."""
    for version in keyring.versions("secrets").usable:
        if hmac.compare_digest(row.mac, _mac(keyring, row.use, row.public_jwk, version)):
            return version
    raise TamperedError


def _checked(keyring: "Keyring", row: AnyRow) -> dict[str, str]:
    _vouched(keyring, row)
    return msgspec.json.decode(row.public_jwk, type=dict[str, str])


SEALED: Final = BoxedRows(
    table=signing_keys,
    column="sealed",
    purpose="signing",
    place=lambda row: _place(row.use, row.kid),
)
"""The private halves at rest."""
