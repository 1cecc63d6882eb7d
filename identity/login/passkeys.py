"""Passkeys (WebAuthn Level 3): a key in somebody's device that signs in alone, at our origin only.

The device asks its owner for a finger or a PIN (user verification), so one is two factors. The
ceremony is python-fido2's; what is ours: challenges without state, each answered once, and
whose key it is.
"""

import hashlib
import hmac
import secrets
import struct
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialParameters,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from sqlalchemy import (
    BigInteger,
    Column,
    LargeBinary,
    String,
    Table,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from identity.login.accounts import Account
from vault.database import Instant, Transaction, fetch_all, fetch_one, metadata
from vault.framing import framed
from vault.keyring import Keyring
from vault.short_lived import ShortLived

ALGORITHMS: Final = (-7, -8, -257)
"""ES256, EdDSA, RS256 (COSE): what devices have."""
CHALLENGE_SECONDS: Final = 300
MOST: Final = 8
"""Passkeys of one account."""
RESPONSE_BYTES: Final = 16_384
RUBBISH: Final = (
    ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError, struct.error,
)  # fmt: skip
"""What the library raises on what is no answer (fuzzed); `RuntimeError` for nesting without end."""
_NONCE: Final = 16
_SECONDS: Final = 8
_MAC: Final = 16
_CREATE: Final = b"create"
_GET: Final = b"get"

passkeys: Final = Table(
    "passkeys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account", String(128), nullable=False, index=True),
    Column("credential", LargeBinary, nullable=False),
    Column("counter", BigInteger, nullable=False),
    Column("label", String(64), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("used_at", Instant),
)
_keys: Final = passkeys.c


class Passkey(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey as its owner is shown it."""

    id: str
    """SHA-256 of the credential's id, hexadecimal."""
    label: str
    """The browser and system it was made with."""
    made_at: datetime
    used_at: datetime | None


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """Where passkeys are for, and what it takes to ask for one."""

    origin: str
    keyring: Keyring
    short_lived: ShortLived

    @property
    def server(self) -> Fido2Server:
        """The relying party (WebAuthn §4)."""
        host = urlsplit(self.origin).hostname or ""
        entity = PublicKeyCredentialRpEntity(id=host, name="Amana")
        server = Fido2Server(entity, verify_origin=lambda given: given == self.origin)
        server.allowed_algorithms = [
            PublicKeyCredentialParameters(type=PublicKeyCredentialType.PUBLIC_KEY, alg=alg)
            for alg in ALGORITHMS
        ]
        return server


_NAMES: Final = {
    "client_data": "clientDataJSON",
    "attestation": "attestationObject",
    "authenticator_data": "authenticatorData",
    "raw_id": "rawId",
}


class _Members(msgspec.Struct, frozen=True, kw_only=True, rename=_NAMES, omit_defaults=True):
    """What a device says: an attestation, or an assertion (WebAuthn §5.2). All in base64url."""

    client_data: str
    attestation: str = ""
    authenticator_data: str = ""
    signature: str = ""


class _Said(msgspec.Struct, frozen=True, kw_only=True, rename=_NAMES):
    """A browser's answer (`PublicKeyCredential.toJSON()`); whatever else it says is let go.

    All of it text: where the library gets a number, it makes room for as many bytes.
    """

    id: str
    raw_id: str
    type: str
    response: _Members


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    credential: bytes
    """AttestedCredentialData (WebAuthn §6.5.2): id and public key."""
    counter: int


def possible(origin: str) -> bool:
    """Whether browsers make passkeys for an origin: its host must be a name."""
    try:
        ip_address(urlsplit(origin).hostname or "")
    except ValueError:
        return True
    return False


def request(site: Site, now: datetime) -> dict[str, Any]:
    """What a browser needs to sign in with any passkey of ours (`navigator.credentials.get`)."""
    options, _ = site.server.authenticate_begin(
        user_verification=UserVerificationRequirement.REQUIRED,
        challenge=_challenge(site.keyring, _GET, "", now),
    )
    return dict(options.public_key)


async def creation(tx: Transaction, site: Site, account: Account, name: str) -> dict[str, Any]:
    """What a browser needs to make one (`navigator.credentials.create`).

    `name` is what the device lists it under: no number of the registers.
    """
    known = await fetch_all(tx, _of(account), _Kept)
    handle = hmac.digest(site.keyring.secret("passkey users"), account.encode(), "sha256")
    options, _ = site.server.register_begin(
        PublicKeyCredentialUserEntity(id=handle, name=name, display_name=name),
        credentials=[AttestedCredentialData(each.credential) for each in known],
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=UserVerificationRequirement.REQUIRED,
        challenge=_challenge(site.keyring, _CREATE, account, tx.now),
    )
    return dict(options.public_key)


async def add(tx: Transaction, site: Site, account: Account, response: str, label: str) -> bool:
    """Keep the passkey that a browser just made. False if the answer does not hold."""
    made = read_made(response)
    if made is None or await _count(tx, account) >= MOST:
        return False
    try:
        client = made.response.client_data
        state = await _answered(site, _CREATE, account, client.challenge, tx.now)
        data = site.server.register_complete(state, made)
    except RUBBISH:
        return False
    if data.credential_data is None:
        return False
    id_ = _id(data.credential_data.credential_id)
    if await fetch_one(tx, _by_id(id_), _Kept) is not None:
        return False
    row = {
        "id": id_,
        "account": account,
        "credential": bytes(data.credential_data),
        "counter": data.counter,
        "label": label,
        "made_at": tx.now,
        "used_at": None,
    }
    await tx.connection.execute(insert(passkeys), [row])
    return True


async def sign_in(tx: Transaction, site: Site, response: str) -> Account | None:
    """Whose passkey answered our challenge; None if none did."""
    given = read_given(response)
    if given is None:
        return None
    try:
        state = await _answered(site, _GET, "", given.response.client_data.challenge, tx.now)
        kept = await fetch_one(tx, _by_id(_id(given.raw_id)), _Kept)
        if kept is None:
            return None
        credential = AttestedCredentialData(kept.credential)
        site.server.authenticate_complete(state, [credential], given)
    except RUBBISH:
        return None
    counter = given.response.authenticator_data.counter
    used = await _use(tx, _id(given.raw_id), counter)
    return Account(kept.account) if used else None


def read_made(response: str) -> RegistrationResponse | None:
    """What a browser says of a passkey that it made, if it can be read."""
    try:
        return RegistrationResponse.from_dict(_told(response))
    except RUBBISH:
        return None


def read_given(response: str) -> AuthenticationResponse | None:
    """What a browser answers with a passkey, if it can be read."""
    try:
        return AuthenticationResponse.from_dict(_told(response))
    except RUBBISH:
        return None


async def of(tx: Transaction, account: Account) -> list[Passkey]:
    """The passkeys of an account, oldest first."""
    query = select(_keys.id, _keys.label, _keys.made_at, _keys.used_at)
    query = query.where(_keys.account == account).order_by(_keys.made_at, _keys.id)
    return await fetch_all(tx, query, Passkey)


async def end(tx: Transaction, account: Account, passkey: str) -> bool:
    """Forget one of an account's. False if it has no such one."""
    where = (_keys.account == account, _keys.id == passkey)
    return (await tx.connection.execute(delete(passkeys).where(*where))).rowcount == 1


async def end_all(tx: Transaction, account: Account) -> None:
    """Forget all of an account's."""
    await tx.connection.execute(delete(passkeys).where(_keys.account == account))


async def _use(tx: Transaction, passkey: str, counter: int) -> bool:
    """Note a use. False where the counter went back: there are two of that device (§6.1.1)."""
    fresh = or_(_keys.counter < counter, (_keys.counter == 0) & (counter == 0))
    done = await tx.connection.execute(
        update(passkeys).where(_keys.id == passkey, fresh).values(counter=counter, used_at=tx.now)
    )
    return done.rowcount == 1


async def _count(tx: Transaction, account: Account) -> int:
    return await tx.connection.scalar(select(func.count()).where(_keys.account == account)) or 0


def _of(account: Account) -> Any:
    return select(_keys.account, _keys.credential, _keys.counter).where(_keys.account == account)


def _by_id(passkey: str) -> Any:
    return select(_keys.account, _keys.credential, _keys.counter).where(_keys.id == passkey)


def _told(response: str) -> dict[str, Any]:
    if len(response) > RESPONSE_BYTES:
        raise ValueError("longer than any answer")
    told: dict[str, Any] = msgspec.to_builtins(msgspec.json.decode(response, type=_Said))
    return told


def _challenge(keyring: Keyring, ceremony: bytes, account: str, now: datetime) -> bytes:
    """A challenge that says when it ends and that it is ours: nothing is kept of it."""
    until = int(now.timestamp()) + CHALLENGE_SECONDS
    said = secrets.token_bytes(_NONCE) + until.to_bytes(_SECONDS, "big")
    return said + _mac(keyring, ceremony, account, said)


async def _answered(
    site: Site, ceremony: bytes, account: str, challenge: bytes, now: datetime
) -> dict[str, Any]:
    """The challenge that an answer is for, if it is ours, for this, and not answered before.

    Raises:
        ValueError: it is not.
    """
    said, mac = challenge[:-_MAC], challenge[-_MAC:]
    until = int.from_bytes(said[_NONCE:], "big")
    ours = hmac.compare_digest(mac, _mac(site.keyring, ceremony, account, said))
    if not ours or until < now.timestamp():
        raise ValueError("a challenge that is not ours, or over")
    if not await site.short_lived.first(f"passkey:{said.hex()}", CHALLENGE_SECONDS):
        raise ValueError("a challenge that was answered")
    return {
        "challenge": websafe_encode(challenge),
        "user_verification": UserVerificationRequirement.REQUIRED,
    }


def _mac(keyring: Keyring, ceremony: bytes, account: str, said: bytes) -> bytes:
    key = keyring.secret("passkey challenges")
    return hmac.digest(key, framed(ceremony, account.encode(), said), "sha256")[:_MAC]


def _id(credential_id: bytes) -> str:
    return hashlib.sha256(credential_id).hexdigest()
