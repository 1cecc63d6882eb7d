"""Others' public keys (RFC 7517, 7518 §6, 8037), read strictly, named by thumbprint (RFC 7638)."""

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from api.oauth.strict_json import base64url, octets

Alg = Literal["ES256", "PS256", "EdDSA"]
"""What may sign (FAPI 2.0 Security Profile §5.4.1)."""
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

COORDINATE_BYTES: Final = 32
RSA_BITS: Final = range(2048, 4097)
"""Smaller is weak (FAPI 2.0 §5.4.1); larger is work that a stranger gives us."""
RSA_EXPONENT: Final = 65537
"""The one in use everywhere; a huge one makes each verification slow."""
PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""RFC 7518 §6: whoever sends these has given the key away."""


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One public key, and the one algorithm it verifies."""

    kid: str | None
    alg: Alg
    thumbprint: str
    """RFC 7638, SHA-256, base64url."""
    public: PublicKey


class Unusable(StrEnum):
    """Why a JWK is of no use to us."""

    MALFORMED = "key-malformed"
    KIND = "key-kind"
    PRIVATE = "key-private"
    PURPOSE = "key-purpose"
    SIZE = "key-size"


def read(members: Mapping[str, Any]) -> Key | Unusable:
    """Read one JWK."""
    if PRIVATE & members.keys():
        return Unusable.PRIVATE  # before anything of it is remembered
    try:
        return _read(msgspec.json.encode(members))
    except (ValueError, RecursionError):
        return Unusable.MALFORMED  # a lone surrogate; what is nested too deep


@lru_cache(maxsize=4096)  # parsing costs half a verification, and keys come again
def _read(encoded: bytes) -> Key | Unusable:
    members = msgspec.json.decode(encoded)
    required = _required(members)
    if isinstance(required, Unusable):
        return required
    found = _opened(required)
    if isinstance(found, Unusable):
        return found
    if not _for_signatures(members, found.alg):
        return Unusable.PURPOSE
    kid = members.get("kid")
    return found if kid is None else msgspec.structs.replace(found, kid=kid)


def read_set(jwks: Mapping[str, Any]) -> tuple[Key, ...]:
    """The usable keys of a JWK set; the others are left out (RFC 7517 §5)."""
    listed = jwks.get("keys")
    found = (read(each) for each in listed if isinstance(each, dict)) if listed else ()
    return tuple(key for key in found if isinstance(key, Key))


_KINDS: Final[Mapping[tuple[object, object], tuple[str, ...]]] = {
    ("EC", "P-256"): ("crv", "kty", "x", "y"),
    ("OKP", "Ed25519"): ("crv", "kty", "x"),
    ("RSA", None): ("e", "kty", "n"),
}
"""Kind and curve → the members that make the key, in the order of RFC 7638 §3."""


def _required(members: Mapping[str, Any]) -> dict[str, str] | Unusable:
    kind, curve, kid = (members.get(name) for name in ("kty", "crv", "kid"))
    if not isinstance(kind, str) or not all(isinstance(each, str | None) for each in (curve, kid)):
        return Unusable.MALFORMED
    names = _KINDS.get((kind, curve))
    if names is None:
        return Unusable.KIND
    values = [members.get(name) for name in names]
    if not all(isinstance(value, str) for value in values):
        return Unusable.MALFORMED
    return {name: str(members[name]) for name in names}


def _for_signatures(members: Mapping[str, Any], alg: Alg) -> bool:
    operations = members.get("key_ops", ["verify"])
    return (
        members.get("use", "sig") == "sig"
        and members.get("alg", alg) == alg
        and isinstance(operations, list)
        and "verify" in operations
    )


def _opened(values: Mapping[str, str]) -> Key | Unusable:
    numbers = {name: octets(value) for name, value in values.items() if name not in {"kty", "crv"}}
    if any(value is None for value in numbers.values()):
        return Unusable.MALFORMED
    try:
        found = _OPENERS[values["kty"]]({name: value or b"" for name, value in numbers.items()})
    except (ValueError, UnsupportedAlgorithm):
        return Unusable.MALFORMED  # a point that is not on the curve, an even modulus
    if isinstance(found, Unusable):
        return found
    alg, public = found
    canonical = msgspec.json.encode(values)
    thumbprint = base64url(hashlib.sha256(canonical).digest())
    return Key(kid=None, alg=alg, thumbprint=thumbprint, public=public)


_Opened = tuple[Alg, PublicKey] | Unusable


def _ec(numbers: Mapping[str, bytes]) -> _Opened:
    if {len(number) for number in numbers.values()} != {COORDINATE_BYTES}:
        return Unusable.SIZE
    x, y = (int.from_bytes(numbers[name], "big") for name in ("x", "y"))
    return "ES256", ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def _okp(numbers: Mapping[str, bytes]) -> _Opened:
    if len(numbers["x"]) != COORDINATE_BYTES:
        return Unusable.SIZE
    return "EdDSA", ed25519.Ed25519PublicKey.from_public_bytes(numbers["x"])


def _rsa(numbers: Mapping[str, bytes]) -> _Opened:
    e, n = (int.from_bytes(numbers[name], "big") for name in ("e", "n"))
    if e != RSA_EXPONENT or n.bit_length() not in RSA_BITS:
        return Unusable.SIZE
    return "PS256", rsa.RSAPublicNumbers(e, n).public_key()


_OPENERS: Final = {"EC": _ec, "OKP": _okp, "RSA": _rsa}
