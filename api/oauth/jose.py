"""The one place where a signature of others, or our own coming back, is believed (RFC 7515, 8725).

Who calls says which keys, which algorithms and which kind of token; nothing in the token
chooses for itself. Only DPoP proofs bring their own key, and that must be asked for.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, Literal, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from api.oauth import jwk, strict_json
from api.oauth.jwk import Alg, Key

T = TypeVar("T")

EMBEDDED: Final = "embedded"
"""Instead of keys: the token names its own in `jwk` (RFC 9449 §4.2)."""
Embedded = Literal["embedded"]

TOKEN_CHARACTERS: Final = 8 * 1024
"""Largest token; an assertion or a proof with an RSA-4096 key takes 2.5 kB."""
HEADER_CHARACTERS: Final = 2 * 1024
"""Largest encoded header; one with an RSA-4096 `jwk` takes 1 kB (512 B, as elsewhere, is short)."""

NEVER: Final = frozenset({"crit", "b64", "jku", "x5u", "x5c"})
"""Members that would change what is signed, or fetch or bring a key we have not registered."""

P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""SEC 2, §2.4.2."""
ES256_OCTETS: Final = 64
ED25519_OCTETS: Final = 64
_ECDSA: Final = ec.ECDSA(hashes.SHA256())


class Bad(StrEnum):
    """Why a token is not believed."""

    TOO_LARGE = "jws-too-large"
    MALFORMED = "jws-malformed"
    MEMBER = "jws-header-member"
    ALG = "jws-alg"
    TYP = "jws-typ"
    KEY = "jws-key"
    SIGNATURE = "jws-signature"


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The members we read. Others are ignored, save those that are never allowed."""

    alg: str
    typ: str | None = None
    kid: str | None = None
    jwk: dict[str, object] | None = None


class Payload:
    """What a token says; seen once whether it says each thing once."""

    __slots__ = ("_each_once", "octets")

    def __init__(self, octets: bytes) -> None:
        """Take them decoded."""
        self.octets = octets
        self._each_once: bool | None = None

    def claims(self, shape: type[T]) -> T | None:
        """The claims as `shape`; None if they are no such JSON or say anything twice."""
        if self._each_once is None:
            self._each_once = strict_json.document(self.octets) is not None
        return strict_json.shaped(self.octets, shape) if self._each_once else None


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """A compact JWS taken apart (RFC 7515 §3.1); nothing of it is believed yet."""

    header: str
    """Encoded."""
    payload: Payload
    signature: bytes
    signed: str
    """What the signature is over."""


class Jws(msgspec.Struct, frozen=True, kw_only=True):
    """A token whose signature holds. Its claims are still to be checked."""

    header: Header
    key: Key
    payload: Payload

    def claims(self, shape: type[T]) -> T | None:
        """The claims as `shape`; None if they are no such JSON or say anything twice."""
        return self.payload.claims(shape)


def verify(
    jws: str | Parts | Bad,
    keys: Sequence[Key] | Embedded,
    algs: Collection[Alg],
    typ: Collection[str | None],
) -> Jws | Bad:
    """Verify one compact JWS.

    Args:
        jws: as it was received, or as `split` took it apart.
        keys: who may have signed, or `EMBEDDED`.
        algs: with which algorithms.
        typ: the values of `typ` that are this kind of token; None among them where it may lack.

    Returns:
        The token, or why it is not believed: for our log, never for the sender.
    """
    parts = split(jws) if isinstance(jws, str) else jws
    if isinstance(parts, Bad):
        return parts
    header = _header(parts.header, embedded=keys == EMBEDDED)
    if isinstance(header, Bad):
        return header
    if header.alg not in algs or header.typ not in typ:
        return Bad.TYP if header.alg in algs else Bad.ALG
    key = _key(header, keys)
    if key is None:
        return Bad.KEY
    if not _holds(key, parts.signed.encode("ascii"), parts.signature):
        return Bad.SIGNATURE
    return Jws(header=header, key=key, payload=parts.payload)


def split(jws: str) -> Parts | Bad:
    """Take a token apart. What it claims then is good for finding its key, and no more."""
    if len(jws) > TOKEN_CHARACTERS:
        return Bad.TOO_LARGE
    segments = jws.split(".")
    if len(segments) != len(("header", "payload", "signature")):
        return Bad.MALFORMED
    if _is_long(segments[0]):
        return Bad.TOO_LARGE
    payload, signature = (strict_json.octets(segment) for segment in segments[1:])
    if payload is None or signature is None:
        return Bad.MALFORMED
    return Parts(
        header=segments[0],
        payload=Payload(payload),
        signature=signature,
        signed=jws.rpartition(".")[0],
    )


def kid(jws: str) -> str | None:
    """Which key a token names, before anything is known of it."""
    encoded = jws.partition(".")[0]
    header = Bad.TOO_LARGE if _is_long(encoded) else _header(encoded, embedded=False)
    return None if isinstance(header, Bad) else header.kid


def _is_long(header: str) -> bool:
    return len(header) > HEADER_CHARACTERS


@lru_cache(maxsize=1_024)  # what one key signs begins the same each time
def _header(encoded: str, *, embedded: bool) -> Header | Bad:
    raw = strict_json.octets(encoded)
    members = None if raw is None else strict_json.document(raw)
    if raw is None or not isinstance(members, dict):
        return Bad.MALFORMED
    if NEVER & members.keys() or ("jwk" in members) != embedded:
        return Bad.MEMBER
    if None in (members.get(name, "") for name in Header.__struct_fields__):
        return Bad.MALFORMED
    return strict_json.shaped(raw, Header) or Bad.MALFORMED


def _key(header: Header, keys: Sequence[Key] | Embedded) -> Key | None:
    """The one key that can have signed; None if there is none, or no telling which."""
    if isinstance(keys, str):
        own = jwk.read(header.jwk or {})
        return own if isinstance(own, Key) and own.alg == header.alg else None
    # A key that has no name may be meant by any.
    names = {None, header.kid}
    named = [
        key for key in keys if key.alg == header.alg and (header.kid is None or key.kid in names)
    ]
    return named[0] if len(named) == 1 else None


def _holds(key: Key, signed: bytes, signature: bytes) -> bool:
    try:
        return _VERIFIERS[key.alg](key.public, signed, signature)
    except InvalidSignature:
        return False


def _es256(public: ec.EllipticCurvePublicKey, signed: bytes, signature: bytes) -> bool:
    if len(signature) != ES256_OCTETS:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    # Zero is the «psychic» signature (CVE-2022-21449); do not rest on the library alone.
    if not (0 < r < P256_ORDER and 0 < s < P256_ORDER):
        return False
    public.verify(encode_dss_signature(r, s), signed, _ECDSA)
    return True


def _ps256(public: rsa.RSAPublicKey, signed: bytes, signature: bytes) -> bool:
    if len(signature) != (public.key_size + 7) // 8:
        return False
    # RFC 7518 §3.5: MGF1 and salt by the same hash.
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
    public.verify(signature, signed, scheme, hashes.SHA256())
    return True


def _eddsa(public: ed25519.Ed25519PublicKey, signed: bytes, signature: bytes) -> bool:
    if len(signature) != ED25519_OCTETS:
        return False
    public.verify(signature, signed)
    return True


_VERIFIERS: Final[Mapping[Alg, Callable[[Any, bytes, bytes], bool]]] = {
    "ES256": _es256,
    "PS256": _ps256,
    "EdDSA": _eddsa,
}
"""`jwk.read` gives each algorithm the one kind of key that is its own."""
